// Creating, removing and renaming names.
#include "see.h"

static void kind(const char *path) {
    struct stat st;
    if (lstat(path, &st)) printf("%s: %s\n", path, error());
    else printf("%s: %o links %d\n", path, st.st_mode, S_ISDIR(st.st_mode) ? 0 : (int)st.st_nlink);
}

int main() {
    umask(022);
    SEE(mkdir("dir", 0777));
    SEE(mkdir("dir", 0777));
    SEE(mkdir("dir/", 0777));
    SEE(mkdir("slash/", 0777));
    SEE(mkdir("none/dir", 0777));
    SEE(mkdir(".", 0777));
    SEE(mkdir("..", 0777));
    SEE(mkdir("/", 0777));
    SEE(mkdir("", 0777));
    put("file", "text\n");
    SEE(mkdir("file/dir", 0777));
    SEE(symlink("file", "link"));
    SEE(symlink("file", "link"));
    SEE(symlink("anything at all//..", "odd"));
    SEE(symlink("", "empty"));
    SEE(symlink("dir", "dirlink"));
    char text[64] = {0};
    SEE_NUMBER(readlink("odd", text, sizeof text));
    printf("%s\n", text);
    SEE_NUMBER(readlink("odd", text, 3));
    SEE(readlink("file", text, sizeof text));
    SEE(readlink("dirlink/", text, sizeof text));
    SEE(readlink("none", text, sizeof text));
    SEE(readlink("link", text, 0));

    SEE(link("file", "hard"));
    SEE(link("file", "hard"));
    SEE(link("link", "hardlink"));
    SEE(linkat(AT_FDCWD, "link", AT_FDCWD, "hardfile", AT_SYMLINK_FOLLOW));
    SEE(link("none", "x"));
    SEE(link("dir", "x"));
    kind("hard");
    kind("hardlink");

    SEE(rename("file", "dir/moved"));
    kind("file");
    kind("dir/moved");
    SEE(rename("none", "x"));
    SEE(rename("dir", "dir/sub"));
    SEE(rename("dir/moved", "slash"));
    SEE(rename("slash", "dir/moved"));
    SEE(rename("slash/", "renamed/"));
    SEE(rename("hard", "hard2/"));
    SEE(rename(".", "x"));
    SEE(rename("dirlink", "dirlink2"));
    kind("dirlink2");
    SEE(renameat2(AT_FDCWD, "hard", AT_FDCWD, "link", RENAME_NOREPLACE));
    SEE(renameat2(AT_FDCWD, "hard", AT_FDCWD, "link", RENAME_EXCHANGE));
    kind("hard");
    kind("link");

    SEE(unlink("dir"));
    SEE(unlink("none"));
    SEE(unlink("link/"));
    SEE(unlink("link"));
    SEE(unlink("."));
    SEE(rmdir("dir"));
    SEE(rmdir("dirlink2"));
    SEE(rmdir("dirlink2/"));
    SEE(rmdir("."));
    SEE(rmdir(".."));
    SEE(rmdir("/"));
    SEE(rmdir("renamed/"));
    SEE(rmdir("hardlink"));
    SEE(unlinkat(AT_FDCWD, "dir/moved", 0));
    SEE(unlinkat(AT_FDCWD, "dir", AT_REMOVEDIR));
    kind("dir");
    SEE(mkfifo("fifo", 0640));
    kind("fifo");
    return 0;
}
