//! Host errors as NT statuses.

use abi::NTSTATUS;
use host::Errno;

/// The status for an error of a host file operation.
pub fn errno_to_status(errno: Errno) -> NTSTATUS {
    match errno {
        Errno::ENOENT | Errno::ENXIO | Errno::ENODEV => NTSTATUS::OBJECT_NAME_NOT_FOUND,
        Errno::ENOTDIR => NTSTATUS::OBJECT_PATH_NOT_FOUND,
        Errno::EACCES | Errno::EPERM | Errno::ETXTBSY => NTSTATUS::ACCESS_DENIED,
        Errno::EROFS => NTSTATUS::MEDIA_WRITE_PROTECTED,
        Errno::EEXIST => NTSTATUS::OBJECT_NAME_COLLISION,
        Errno::EISDIR => NTSTATUS::FILE_IS_A_DIRECTORY,
        Errno::ENOTEMPTY => NTSTATUS::DIRECTORY_NOT_EMPTY,
        Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG => NTSTATUS::DISK_FULL,
        Errno::EMFILE | Errno::ENFILE => NTSTATUS::TOO_MANY_OPENED_FILES,
        Errno::ENOMEM => NTSTATUS::NO_MEMORY,
        Errno::EFAULT => NTSTATUS::ACCESS_VIOLATION,
        Errno::EXDEV => NTSTATUS::NOT_SAME_DEVICE,
        Errno::ENAMETOOLONG => NTSTATUS::NAME_TOO_LONG,
        Errno::EINVAL => NTSTATUS::INVALID_PARAMETER,
        Errno::EPIPE => NTSTATUS::PIPE_BROKEN,
        Errno::EBADF => NTSTATUS::INVALID_HANDLE,
        Errno::EBUSY => NTSTATUS::SHARING_VIOLATION,
        Errno::EAGAIN => NTSTATUS::FILE_LOCK_CONFLICT,
        Errno::EMLINK => NTSTATUS::TOO_MANY_LINKS,
        Errno::ELOOP => NTSTATUS::OBJECT_PATH_NOT_FOUND,
        Errno::ENOSYS | Errno::EOPNOTSUPP => NTSTATUS::NOT_SUPPORTED,
        Errno::ESPIPE => NTSTATUS::INVALID_DEVICE_REQUEST,
        Errno::ETIMEDOUT => NTSTATUS::IO_TIMEOUT,
        Errno::ECONNREFUSED => NTSTATUS::CONNECTION_REFUSED,
        _ => NTSTATUS::UNSUCCESSFUL,
    }
}
