// Hashes, keys and random bytes: bcrypt.h and wincrypt.h. The results are those of FIPS 180-4, 198-1 and 197 and RFC 1321.
#include <windows.h>
#include <bcrypt.h>
#include <wincrypt.h>
#include <stdio.h>

static void hex(const char *what, const BYTE *bytes, DWORD len) {
    printf("%s ", what);
    for (DWORD i = 0; i < len; i++) printf("%02x", bytes[i]);
    printf("\n");
}

static void hash(const char *what, LPCWSTR name, const char *key) {
    BCRYPT_ALG_HANDLE algorithm;
    BCRYPT_HASH_HANDLE h;
    DWORD len, got;
    BYTE out[64];
    BCryptOpenAlgorithmProvider(&algorithm, name, NULL, key ? BCRYPT_ALG_HANDLE_HMAC_FLAG : 0);
    BCryptGetProperty(algorithm, BCRYPT_HASH_LENGTH, (BYTE *)&len, sizeof len, &got, 0);
    BCryptCreateHash(algorithm, &h, NULL, 0, (BYTE *)key, key ? (ULONG)strlen(key) : 0, 0);
    BCryptHashData(h, (BYTE *)"a", 1, 0);
    BCryptHashData(h, (BYTE *)"bc", 2, 0);
    BCryptFinishHash(h, out, len, 0);
    hex(what, out, len);
    BCryptDestroyHash(h);
    BCryptCloseAlgorithmProvider(algorithm, 0);
}

int main(void) {
    hash("md5", BCRYPT_MD5_ALGORITHM, NULL);
    hash("sha1", BCRYPT_SHA1_ALGORITHM, NULL);
    hash("sha256", BCRYPT_SHA256_ALGORITHM, NULL);
    hash("sha512", BCRYPT_SHA512_ALGORITHM, NULL);
    hash("hmac-sha256", BCRYPT_SHA256_ALGORITHM, "key");
    BCRYPT_ALG_HANDLE none;
    printf("unknown %#lx\n", (long)BCryptOpenAlgorithmProvider(&none, L"NOSUCH", NULL, 0));
    BYTE a[32] = { 0 }, b[32] = { 0 };
    printf("random %#lx", (long)BCryptGenRandom(NULL, a, sizeof a, BCRYPT_USE_SYSTEM_PREFERRED_RNG));
    BCryptGenRandom(NULL, b, sizeof b, BCRYPT_USE_SYSTEM_PREFERRED_RNG);
    printf(" differs %d\n", memcmp(a, b, sizeof a) != 0);

    HCRYPTPROV provider;
    HCRYPTHASH h;
    DWORD len = sizeof a;
    printf("context %d", CryptAcquireContextA(&provider, NULL, NULL, PROV_RSA_AES, CRYPT_VERIFYCONTEXT));
    printf(" hash %d", CryptCreateHash(provider, CALG_SHA_256, 0, 0, &h));
    printf(" data %d", CryptHashData(h, (BYTE *)"abc", 3, 0));
    printf(" get %d len %lu\n", CryptGetHashParam(h, HP_HASHVAL, a, &len, 0), len);
    hex("sha256", a, 32);
    CryptDestroyHash(h);
    printf("random %d", CryptGenRandom(provider, sizeof a, a));
    printf(" release %d\n", CryptReleaseContext(provider, 0));
    return 0;
}
