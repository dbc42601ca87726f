// Identifiers, lists and descriptors of security (securitybaseapi.h, sddl.h), and the process' token.
#include <windows.h>
#include <sddl.h>
#include <stdio.h>

int main(void) {
    SID_IDENTIFIER_AUTHORITY nt = { SECURITY_NT_AUTHORITY };
    PSID admins, system, parsed;
    AllocateAndInitializeSid(&nt, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0, &admins);
    AllocateAndInitializeSid(&nt, 1, SECURITY_LOCAL_SYSTEM_RID, 0, 0, 0, 0, 0, 0, 0, &system);
    char *text;
    ConvertSidToStringSidA(admins, &text);
    printf("%s length %lu parts %u last %lu\n", text, GetLengthSid(admins), *GetSidSubAuthorityCount(admins), *GetSidSubAuthority(admins, 1));
    printf("parse %d", ConvertStringSidToSidA(text, &parsed));
    printf(" equal %d %d valid %d\n", EqualSid(parsed, admins), EqualSid(parsed, system), IsValidSid(parsed));
    BOOL ok = ConvertStringSidToSidA("S-1", &parsed);
    printf("bad text %d error %lu\n", ok, GetLastError());
    BYTE copy[SECURITY_MAX_SID_SIZE];
    printf("copy %d", CopySid(sizeof copy, copy, admins));
    printf(" too small %d", CopySid(4, copy, admins));
    printf(" error %lu\n", GetLastError());
    DWORD size = sizeof copy;
    printf("well known %d", CreateWellKnownSid(WinWorldSid, NULL, copy, &size));
    ConvertSidToStringSidA(copy, &text);
    printf(" %s is %d %d\n", text, IsWellKnownSid(copy, WinWorldSid), IsWellKnownSid(copy, WinNullSid));

    BYTE room[256];
    ACL *acl = (ACL *)room;
    printf("acl %d", InitializeAcl(acl, sizeof room, ACL_REVISION));
    printf(" ace %d", AddAccessAllowedAce(acl, ACL_REVISION, GENERIC_READ, copy));
    printf(" %d", AddAccessAllowedAce(acl, ACL_REVISION, GENERIC_ALL, admins));
    ACCESS_ALLOWED_ACE *ace;
    printf(" get %d", GetAce(acl, 1, (void **)&ace));
    printf(" mask %#lx equal %d none %d\n", ace->Mask, EqualSid(&ace->SidStart, admins), GetAce(acl, 2, (void **)&ace));
    SECURITY_DESCRIPTOR descriptor;
    printf("descriptor %d", InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION));
    printf(" dacl %d owner %d", SetSecurityDescriptorDacl(&descriptor, TRUE, acl, FALSE), SetSecurityDescriptorOwner(&descriptor, admins, FALSE));
    BOOL present = 9, defaulted = 9;
    ACL *got = NULL;
    PSID owner = NULL;
    GetSecurityDescriptorDacl(&descriptor, &present, &got, &defaulted);
    GetSecurityDescriptorOwner(&descriptor, &owner, &defaulted);
    printf(" present %d same %d %d valid %d\n", present, got == acl, owner == admins, IsValidSecurityDescriptor(&descriptor));
    DWORD relative = 0;
    MakeSelfRelativeSD(&descriptor, NULL, &relative);
    BYTE flat[512];
    printf("relative %d", MakeSelfRelativeSD(&descriptor, flat, &relative));
    printf(" length %d", GetSecurityDescriptorLength(flat) == relative);
    GetSecurityDescriptorOwner(flat, &owner, &defaulted);
    printf(" owner %d\n", EqualSid(owner, admins));

    HANDLE token;
    printf("token %d", OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
    size = 0;
    GetTokenInformation(token, TokenUser, NULL, 0, &size);
    printf(" error %lu", GetLastError());
    printf(" user %d", GetTokenInformation(token, TokenUser, flat, sizeof flat, &size));
    printf(" valid %d\n", IsValidSid(((TOKEN_USER *)flat)->User.Sid));
    LUID luid;
    printf("privilege %d", LookupPrivilegeValueA(NULL, "SeDebugPrivilege", &luid));
    printf(" %lu unknown %d", luid.LowPart, LookupPrivilegeValueA(NULL, "SeNoSuchPrivilege", &luid));
    printf(" error %lu\n", GetLastError());
    return 0;
}
