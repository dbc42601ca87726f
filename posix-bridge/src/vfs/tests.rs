use super::resolve::Last;
use super::*;
use host::Errno;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A folder `root` beside a folder `outside`, which has a file `secret`.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Tree {
        let top = std::env::temp_dir().join(format!("posix-bridge-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&top);
        std::fs::create_dir_all(top.join("root/a/b/c")).unwrap();
        std::fs::create_dir_all(top.join("outside")).unwrap();
        std::fs::write(top.join("outside/secret"), "secret").unwrap();
        std::fs::write(top.join("secret"), "secret").unwrap();
        std::fs::write(top.join("root/a/file"), "inside").unwrap();
        Tree(top)
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    fn vfs(&self, binds: &[Bind]) -> Vfs {
        Vfs::new(self.root().as_os_str().as_bytes(), binds, true).unwrap()
    }

    fn bind(&self, host: &str, guest: &str, read_only: bool) -> Bind {
        Bind { host: self.0.join(host).as_os_str().as_bytes().to_vec(), guest: guest.into(), read_only }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn c(path: &str) -> CString {
    CString::new(path).unwrap()
}

fn open(vfs: &Vfs, path: &str, flags: i32) -> Result<OwnedFd> {
    vfs.open(libc::AT_FDCWD, &c(path), flags | libc::O_CLOEXEC, 0o644)
}

fn content(fd: OwnedFd) -> String {
    std::io::read_to_string(std::fs::File::from(fd)).unwrap()
}

fn read(vfs: &Vfs, path: &str) -> Result<String> {
    open(vfs, path, libc::O_RDONLY).map(content)
}

#[test]
fn plain_paths_and_links_inside() {
    let tree = Tree::new("plain");
    symlink("a/b", tree.root().join("rel")).unwrap();
    symlink("/a/file", tree.root().join("abs")).unwrap();
    symlink("../../abs", tree.root().join("a/b/up")).unwrap();
    symlink("loop", tree.root().join("loop")).unwrap();
    let vfs = tree.vfs(&[]);
    for path in
        ["/a/file", "//a/./b/../file", "/abs", "/rel/../file", "/rel/up", "/a/b/c/../../../../../a/file", "/../a/file", "/rel/c/../up"]
    {
        assert_eq!(read(&vfs, path), Ok("inside".into()), "{path}");
    }
    assert_eq!(read(&vfs, "/loop"), Err(Errno::ELOOP));
    assert_eq!(read(&vfs, "/none"), Err(Errno::ENOENT));
    assert_eq!(read(&vfs, "/a/file/x"), Err(Errno::ENOTDIR));
    assert_eq!(read(&vfs, "/abs/x"), Err(Errno::ENOTDIR));
    assert_eq!(read(&vfs, "/a/file/"), Err(Errno::ENOTDIR));
    assert_eq!(read(&vfs, "/abs/"), Err(Errno::ENOTDIR));
    assert_eq!(read(&vfs, ""), Err(Errno::ENOENT));
    assert_eq!(open(&vfs, "/abs", libc::O_NOFOLLOW).map(drop), Err(Errno::ELOOP));
    assert_eq!(open(&vfs, "/abs", libc::O_CREAT | libc::O_EXCL | libc::O_RDWR).map(drop), Err(Errno::EEXIST));
}

#[test]
fn nothing_leads_out() {
    let tree = Tree::new("out");
    let outside = tree.0.join("outside/secret");
    symlink(&outside, tree.root().join("l1")).unwrap();
    symlink("../outside/secret", tree.root().join("l2")).unwrap();
    symlink("../../../../../../../../../../etc/passwd", tree.root().join("a/l3")).unwrap();
    symlink("..", tree.root().join("l4")).unwrap();
    symlink("/proc/self/root/etc/hostname", tree.root().join("l5")).unwrap();
    let vfs = tree.vfs(&[]);
    for path in [
        "/l1",
        "/l2",
        "/a/l3",
        "/l4/secret",
        "/l4/outside/secret",
        "/l5",
        "/../secret",
        "/a/../../secret",
        "/proc/self/root/../secret",
        "/proc/self/root/../../secret",
        "/proc/self/cwd/../secret",
        "/dev/fd/../../../../secret",
        "/proc/../../secret",
        "/proc/1/root/etc/passwd",
    ] {
        match read(&vfs, path) {
            Err(Errno::ENOENT | Errno::EACCES) => {}
            other => panic!("{path}: {other:?}"),
        }
    }
    // What is created through a link that leads out is created inside.
    open(&vfs, "/l2", libc::O_CREAT | libc::O_WRONLY).unwrap_err();
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "secret");
    symlink("../new", tree.root().join("l6")).unwrap();
    open(&vfs, "/l6", libc::O_CREAT | libc::O_WRONLY).unwrap();
    assert!(tree.root().join("new").exists() && !tree.0.join("new").exists());
}

#[test]
fn relative_to_a_descriptor() {
    let tree = Tree::new("relative");
    symlink("/a/file", tree.root().join("a/b/abs")).unwrap();
    let vfs = tree.vfs(&[]);
    let dir = open(&vfs, "/a/b", libc::O_RDONLY | libc::O_DIRECTORY).unwrap();
    let at = |path: &str| vfs.open(dir.as_raw_fd(), &c(path), libc::O_RDONLY | libc::O_CLOEXEC, 0).map(content);
    assert_eq!(at("../file"), Ok("inside".into()));
    assert_eq!(at("abs"), Ok("inside".into()));
    assert_eq!(at("../../../../secret"), Err(Errno::ENOENT));
    assert_eq!(at("../../../../a/file"), Ok("inside".into()));
    assert_eq!(vfs.guest_path(dir.as_raw_fd()), Ok(Some(b"/a/b".to_vec())));
    // A directory that lies outside is no place to begin at.
    let outside = Folder::open(&c(tree.0.join("outside").to_str().unwrap())).unwrap();
    let from = |path: &str| vfs.walk(outside.fd.as_raw_fd(), &c(path), Last::Follow).map(drop);
    assert_eq!(from("secret"), Err(Errno::EACCES));
    assert_eq!(vfs.guest_path(outside.fd.as_raw_fd()), Ok(None));
    let file = open(&vfs, "/a/file", libc::O_RDONLY).unwrap();
    assert_eq!(vfs.walk(file.as_raw_fd(), &c("x"), Last::Follow).map(drop), Err(Errno::ENOTDIR));
}

#[test]
fn binds() {
    let tree = Tree::new("binds");
    std::fs::create_dir_all(tree.root().join("mnt/out")).unwrap();
    symlink("/mnt/out/secret", tree.root().join("a/link")).unwrap();
    symlink("../../a/file", tree.0.join("outside/back")).unwrap();
    let vfs =
        tree.vfs(&[tree.bind("outside", "/mnt/out/", false), tree.bind("outside", "/fixed", true), tree.bind("secret", "/a/one", false)]);
    for path in ["/mnt/out/secret", "/a/link", "/mnt/./out/../out/secret", "/a/../mnt/out/secret", "/fixed/secret", "/a/one"] {
        assert_eq!(read(&vfs, path), Ok("secret".into()), "{path}");
    }
    for path in ["/mnt/out/../../a/file", "/mnt/out/back", "/fixed/../a/file", "/mnt/out/../../../a/file"] {
        assert_eq!(read(&vfs, path), Ok("inside".into()), "{path}");
    }
    assert_eq!(read(&vfs, "/mnt/out/../secret"), Err(Errno::ENOENT));
    assert_eq!(open(&vfs, "/fixed/secret", libc::O_WRONLY).map(drop), Err(Errno::EROFS));
    assert_eq!(open(&vfs, "/fixed/new", libc::O_RDONLY | libc::O_CREAT).map(drop), Err(Errno::EROFS));
    assert!(open(&vfs, "/fixed/secret", libc::O_RDONLY | libc::O_CREAT).is_ok());
    let dir = open(&vfs, "/mnt/out", libc::O_RDONLY).unwrap();
    assert!(vfs.guest_path(dir.as_raw_fd()).unwrap().is_some_and(|p| p == b"/mnt/out" || p == b"/fixed"));
    let top = open(&vfs, "/", libc::O_RDONLY).unwrap();
    let at = |path: &str| vfs.open(top.as_raw_fd(), &c(path), libc::O_RDONLY | libc::O_CLOEXEC, 0).map(content);
    assert_eq!(at("mnt/out/secret"), Ok("secret".into()));
}

#[test]
fn proc_and_dev() {
    let tree = Tree::new("proc");
    let vfs = tree.vfs(&[]);
    assert_eq!(read(&vfs, "/dev/null"), Ok(String::new()));
    assert!(read(&vfs, "/proc/self/status").unwrap().contains("Name:"));
    assert!(read(&vfs, "/proc/meminfo").unwrap().contains("MemTotal"));
    assert!(read(&vfs, "/proc/self/mounts").unwrap().starts_with("/dev/root / "));
    assert!(read(&vfs, "/proc/mounts").unwrap().contains("proc /proc proc"));
    assert!(read(&vfs, "/proc/self/mountinfo").unwrap().contains(" - proc proc "));
    let host = tree.0.to_str().unwrap();
    assert!(!read(&vfs, "/proc/self/maps").unwrap().contains("/posix_bridge"));
    let file = open(&vfs, "/a/file", libc::O_RDONLY).unwrap();
    let link = c(&format!("/proc/self/fd/{}", file.as_raw_fd()));
    match vfs.locate(libc::AT_FDCWD, &link, Last::NoFollow).unwrap() {
        Located::Proc(node) => assert_eq!(node.read_link(&vfs).unwrap(), b"/a/file"),
        _ => panic!("not in /proc"),
    }
    assert_eq!(read(&vfs, link.to_str().unwrap()), Ok("inside".into()));
    assert_eq!(read(&vfs, &format!("/dev/fd/{}", file.as_raw_fd())), Ok("inside".into()));
    // Ours are not seen.
    assert_eq!(read(&vfs, &format!("/proc/self/fd/{}", vfs.root().unwrap().0)), Err(Errno::ENOENT));
    assert_eq!(read(&vfs, "/proc/1/environ"), Err(Errno::ENOENT));
    // What the process has from outside may be opened once more as it is, not for writing.
    let secret = linux::openat(libc::AT_FDCWD, &c(&format!("{host}/secret")), libc::O_RDONLY, 0).unwrap();
    let again = format!("/proc/self/fd/{}", secret.as_raw_fd());
    assert_eq!(read(&vfs, &again), Ok("secret".into()));
    assert_eq!(open(&vfs, &again, libc::O_RDWR).map(drop), Err(Errno::EACCES));
    // /proc by a descriptor of it.
    let dir = open(&vfs, "/proc/self", libc::O_RDONLY | libc::O_DIRECTORY).unwrap();
    let at = |path: &str| vfs.open(dir.as_raw_fd(), &c(path), libc::O_RDONLY | libc::O_CLOEXEC, 0).map(content);
    assert!(at("status").unwrap().contains("Name:"));
    assert!(at("mounts").unwrap().starts_with("/dev/root / "));
    assert_eq!(at("root/../secret"), Err(Errno::ENOENT));
    assert_eq!(at("../../a/file"), Ok("inside".into()));
    assert_eq!(at("../1/status"), Err(Errno::ENOENT));
}

/// One thread renames directories and exchanges them with links while others climb: nobody sees the secret.
#[test]
fn renames_under_the_resolver() {
    let tree = Tree::new("renames");
    let root = tree.root();
    std::fs::create_dir_all(root.join("x/y/z")).unwrap();
    std::fs::create_dir_all(root.join("d")).unwrap();
    symlink("/../../../..", root.join("l")).unwrap();
    let vfs = tree.vfs(&[]);
    let stop = AtomicBool::new(false);
    let start = std::time::Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let swap = |a: &str, b: &str| {
                    let path = |p: &str| CString::new(root.join(p).as_os_str().as_bytes()).unwrap();
                    let (a, b) = (path(a), path(b));
                    let at = libc::AT_FDCWD as usize;
                    let _ = linux::pass(
                        libc::SYS_renameat2,
                        [at, a.as_ptr() as usize, at, b.as_ptr() as usize, libc::RENAME_EXCHANGE as usize, 0],
                    );
                };
                swap("d", "l");
                let _ = std::fs::rename(root.join("x/y/z"), root.join("z"));
                let _ = std::fs::rename(root.join("z"), root.join("x/y/z"));
                let _ = std::fs::rename(root.join("x/y"), root.join("d/y"));
                let _ = std::fs::rename(root.join("d/y"), root.join("x/y"));
            }
        });
        for path in [
            "/d/../secret",
            "/x/y/z/../../../../secret",
            "/x/y/z/../../../outside/secret",
            "/d/secret",
            "/l/outside/secret",
            "/x/../d/../../secret",
        ] {
            let (vfs, stop, path) = (&vfs, &stop, c(path));
            scope.spawn(move || {
                while start.elapsed().as_millis() < 1500 {
                    for quick in [false, true] {
                        let got = if quick {
                            vfs.open(libc::AT_FDCWD, &path, libc::O_RDONLY | libc::O_CLOEXEC, 0).map(drop)
                        } else {
                            match vfs.walk(libc::AT_FDCWD, &path, Last::Follow) {
                                Ok(Located::Entry { dir, name, .. }) => linux::fstatat(dir.raw(), name.c_str(), 0).map(drop),
                                Ok(_) => Err(Errno::ENOENT),
                                Err(e) => Err(e),
                            }
                        };
                        assert!(got.is_err(), "{path:?} leads out");
                    }
                }
                stop.store(true, Ordering::Relaxed);
            });
        }
    });
}

#[test]
fn chroot_inside() {
    let tree = Tree::new("chroot");
    symlink("/file", tree.root().join("a/abs")).unwrap();
    let vfs = tree.vfs(&[]);
    vfs.chroot(open(&vfs, "/a", libc::O_PATH | libc::O_DIRECTORY).unwrap()).unwrap();
    for path in ["/file", "/abs", "/../../file", "/b/../../file"] {
        assert_eq!(read(&vfs, path), Ok("inside".into()), "{path}");
    }
    assert_eq!(read(&vfs, "/proc/self/status"), Err(Errno::ENOENT));
    let dir = open(&vfs, "/b", libc::O_RDONLY).unwrap();
    assert_eq!(vfs.guest_path(dir.as_raw_fd()), Ok(Some(b"/b".to_vec())));
}

#[test]
fn texts_decide_only_where_they_can() {
    let tree = Tree::new("lexical");
    std::fs::create_dir_all(tree.root().join("mnt")).unwrap();
    let vfs = tree.vfs(&[tree.bind("outside", "/mnt/out", false)]);
    let lexical = |path: &str| vfs.lexical(&c(path)).map(|(mount, rest)| (mount, rest.to_str().unwrap().to_owned()));
    assert_eq!(lexical("/usr/../bin"), Some((0, "usr/../bin".into())));
    assert_eq!(lexical("/mnt/../bin"), None);
    assert_eq!(lexical("/usr/../proc/self"), None);
    assert_eq!(lexical("/mnt/other"), Some((0, "mnt/other".into())));
    assert_eq!(lexical("/mnt//out/x"), Some((1, "x".into())));
    assert_eq!(lexical("/mnt/outer"), Some((0, "mnt/outer".into())));
    assert!(Path::new("/proc").exists() && matches!(vfs.quick(libc::AT_FDCWD, c"/proc/self", &mut Default::default()), Ok(None)));
}
