//! credentials(7): who the guest is. That is whoever runs it, unless it is to seem to be root (`--as-root`): then its identities are
//! numbers kept here, with root's freedom to change them, and the owners that it gives to files are remembered ([`owner`]).

pub mod owner;
pub mod peer;

use crate::args::Addr;
use crate::call::Call;
use host::linux;
use host::{Errno, Result};

/// Where an id of a kind stands: real, effective, saved, of the file system.
const REAL: usize = 0;
const EFFECTIVE: usize = 1;
const SAVED: usize = 2;
const FILES: usize = 3;
/// "Leave it as it is", of setresuid(2) and chown(2).
const SAME: u32 = u32::MAX;
/// NGROUPS_MAX.
const MAX_GROUPS: usize = 65536;

/// An identity that the guest seems to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    users: [u32; 4],
    groups: [u32; 4],
    others: Vec<u32>,
    /// Capabilities that it uses, and those that it may use (capabilities(7)).
    effective: u64,
    permitted: u64,
    /// PR_SET_KEEPCAPS of prctl(2).
    keeps: bool,
    /// The host's user and group, whose files are root's where nothing else is remembered.
    host: [u32; 2],
}

impl Identity {
    /// Root, played by whoever runs us.
    pub fn root() -> Result<Identity> {
        let ask = |number: i64| linux::pass(number, [0; 6]).map(|id| id as u32);
        let host = [ask(libc::SYS_geteuid)?, ask(libc::SYS_getegid)?];
        let (effective, permitted) = (CAPABILITIES, CAPABILITIES);
        Ok(Identity { users: [0; 4], groups: [0; 4], others: vec![0], effective, permitted, keeps: false, host })
    }

    /// The user and group that a new file belongs to.
    pub fn of_files(&self) -> [u32; 2] {
        [self.users[FILES], self.groups[FILES]]
    }

    /// Whether it has a capability in use (CAP_*).
    pub fn can(&self, capability: Capability) -> bool {
        self.effective >> capability as u32 & 1 != 0
    }

    /// Capabilities follow the users (capabilities(7), "Effect of user ID changes on capabilities").
    fn users_changed(&mut self, before: [u32; 4]) {
        let any_root = |users: &[u32; 4]| users[REAL] == 0 || users[EFFECTIVE] == 0 || users[SAVED] == 0;
        if any_root(&before) && !any_root(&self.users) && !self.keeps {
            self.permitted = 0;
        }
        match (before[EFFECTIVE], self.users[EFFECTIVE]) {
            (0, 1..) => self.effective = 0,
            (1.., 0) => self.effective = self.permitted,
            _ => self.effective &= self.permitted,
        }
        // Those that concern files.
        const FILE: u64 = 0x1f;
        match (before[FILES], self.users[FILES]) {
            (0, 1..) => self.effective &= !FILE,
            (1.., 0) => self.effective |= self.permitted & FILE,
            _ => {}
        }
    }

    /// The host's user and group that play it.
    pub fn host(&self) -> [u32; 2] {
        self.host
    }

    /// AT_UID, AT_EUID, AT_GID, AT_EGID.
    pub fn auxiliary(&self) -> [u32; 4] {
        [self.users[REAL], self.users[EFFECTIVE], self.groups[REAL], self.groups[EFFECTIVE]]
    }

    /// A new program is run, whose file has this mode and this owner (execve(2)). True: it is to distrust its environment.
    pub fn execute(&mut self, mode: u32, [user, group]: [u32; 2]) -> bool {
        let before = (self.users[EFFECTIVE], self.groups[EFFECTIVE]);
        if mode & libc::S_ISUID != 0 {
            self.users[EFFECTIVE] = user;
        }
        if mode & (libc::S_ISGID | libc::S_IXGRP) == libc::S_ISGID | libc::S_IXGRP {
            self.groups[EFFECTIVE] = group;
        }
        for ids in [&mut self.users, &mut self.groups] {
            ids[SAVED] = ids[EFFECTIVE];
            ids[FILES] = ids[EFFECTIVE];
        }
        self.permitted = if self.users[REAL] == 0 || self.users[EFFECTIVE] == 0 { CAPABILITIES } else { 0 };
        self.effective = if self.users[EFFECTIVE] == 0 { self.permitted } else { 0 };
        self.keeps = false;
        if before != (self.users[EFFECTIVE], self.groups[EFFECTIVE]) {
            peer::tell(self);
        }
        let differs = |ids: &[u32; 4]| ids[REAL] != ids[EFFECTIVE];
        before != (self.users[EFFECTIVE], self.groups[EFFECTIVE]) || differs(&self.users) || differs(&self.groups)
    }
}

/// Capabilities whose want is felt here.
#[derive(Clone, Copy)]
pub enum Capability {
    Chown = 0,
    DacOverride = 1,
    Fowner = 3,
    Setgid = 6,
    Setuid = 7,
    Mknod = 27,
}

/// The kinds of ids.
#[derive(Clone, Copy)]
enum Kind {
    User,
    Group,
}

impl Kind {
    /// What it takes to change ids of the kind.
    fn capability(self) -> Capability {
        match self {
            Kind::User => Capability::Setuid,
            Kind::Group => Capability::Setgid,
        }
    }

    fn of(self, identity: &mut Identity) -> &mut [u32; 4] {
        match self {
            Kind::User => &mut identity.users,
            Kind::Group => &mut identity.groups,
        }
    }
}

/// Asks the identity that the guest seems to have, or the host.
fn with(call: &Call, act: impl FnOnce(&mut Identity) -> Result<usize>) -> Result<usize> {
    match call.process.identity.lock().as_mut() {
        Some(identity) => {
            let before = identity.auxiliary();
            let result = act(identity);
            if identity.auxiliary() != before {
                peer::tell(identity);
            }
            result
        }
        None => call.pass(call.args),
    }
}

/// Whether the guest seems to be somebody else than it is.
pub fn is_emulated(call: &Call) -> bool {
    call.process.emulates_root
}

fn get(call: &Call, kind: Kind, which: usize) -> Result<usize> {
    with(call, |identity| Ok(kind.of(identity)[which] as usize))
}

/// getuid(2)
pub fn getuid(call: &mut Call) -> Result<usize> {
    get(call, Kind::User, REAL)
}

/// geteuid(2)
pub fn geteuid(call: &mut Call) -> Result<usize> {
    get(call, Kind::User, EFFECTIVE)
}

/// getgid(2)
pub fn getgid(call: &mut Call) -> Result<usize> {
    get(call, Kind::Group, REAL)
}

/// getegid(2)
pub fn getegid(call: &mut Call) -> Result<usize> {
    get(call, Kind::Group, EFFECTIVE)
}

/// Changes ids; the file system's follows the effective one. Without privilege each must be one of those that `allowed` names.
fn set(call: &Call, kind: Kind, wanted: [Option<u32>; 3], allowed: [&[usize]; 3]) -> Result<usize> {
    with(call, |identity| {
        let privileged = identity.can(kind.capability());
        let users = identity.users;
        let ids = kind.of(identity);
        let before = *ids;
        let may = |(id, among): (&Option<u32>, &&[usize])| id.is_none_or(|id| among.iter().any(|&which| before[which] == id));
        if !privileged && !wanted.iter().zip(&allowed).all(may) {
            return Err(Errno::EPERM);
        }
        ids.iter_mut().zip(wanted).for_each(|(id, new)| *id = new.unwrap_or(*id));
        ids[FILES] = ids[EFFECTIVE];
        identity.users_changed(users);
        Ok(0)
    })
}

fn given(id: u32) -> Option<u32> {
    (id != SAME).then_some(id)
}

fn set_one(call: &Call, kind: Kind, id: u32) -> Result<usize> {
    if id == SAME && is_emulated(call) {
        return Err(Errno::EINVAL);
    }
    let privileged = call.process.identity.lock().as_ref().is_some_and(|identity| identity.can(kind.capability()));
    let all = privileged.then_some(id);
    set(call, kind, [all, Some(id), all], [&[], &[REAL, SAVED], &[]])
}

/// setuid(2)
pub fn setuid(call: &mut Call, user: u32) -> Result<usize> {
    set_one(call, Kind::User, user)
}

/// setgid(2)
pub fn setgid(call: &mut Call, group: u32) -> Result<usize> {
    set_one(call, Kind::Group, group)
}

/// setreuid(2) and its like: the saved one follows where the real one is set, or the effective one to another than the real one was.
fn set_two(call: &Call, kind: Kind, real: u32, effective: u32) -> Result<usize> {
    let before = call.process.identity.lock().as_mut().map(|identity| *kind.of(identity));
    let saved = before.and_then(|before| {
        let new = given(effective).unwrap_or(before[EFFECTIVE]);
        (given(real).is_some() || given(effective).is_some_and(|id| id != before[REAL])).then_some(new)
    });
    set(call, kind, [given(real), given(effective), saved], [&[REAL, EFFECTIVE], &[REAL, EFFECTIVE, SAVED], &[REAL, EFFECTIVE, SAVED]])
}

/// setreuid(2)
pub fn setreuid(call: &mut Call, real: u32, effective: u32) -> Result<usize> {
    set_two(call, Kind::User, real, effective)
}

/// setregid(2)
pub fn setregid(call: &mut Call, real: u32, effective: u32) -> Result<usize> {
    set_two(call, Kind::Group, real, effective)
}

const ANY: [&[usize]; 3] = [&[REAL, EFFECTIVE, SAVED]; 3];

/// setresuid(2)
pub fn setresuid(call: &mut Call, real: u32, effective: u32, saved: u32) -> Result<usize> {
    set(call, Kind::User, [real, effective, saved].map(given), ANY)
}

/// setresgid(2)
pub fn setresgid(call: &mut Call, real: u32, effective: u32, saved: u32) -> Result<usize> {
    set(call, Kind::Group, [real, effective, saved].map(given), ANY)
}

fn get_three(call: &Call, kind: Kind, at: [Addr; 3]) -> Result<usize> {
    with(call, |identity| {
        let ids = *kind.of(identity);
        at.iter().zip(ids).try_for_each(|(at, id)| at.write(id)).map(|()| 0)
    })
}

/// getresuid(2)
pub fn getresuid(call: &mut Call, real: Addr, effective: Addr, saved: Addr) -> Result<usize> {
    get_three(call, Kind::User, [real, effective, saved])
}

/// getresgid(2)
pub fn getresgid(call: &mut Call, real: Addr, effective: Addr, saved: Addr) -> Result<usize> {
    get_three(call, Kind::Group, [real, effective, saved])
}

/// Sets the file system's id if that is allowed, and tells the old one in any case.
fn set_of_files(call: &Call, kind: Kind, id: u32) -> Result<usize> {
    with(call, |identity| {
        let privileged = identity.can(kind.capability());
        let users = identity.users;
        let ids = kind.of(identity);
        let old = ids[FILES];
        if id != SAME && (privileged || ids.contains(&id)) {
            ids[FILES] = id;
            identity.users_changed(users);
        }
        Ok(old as usize)
    })
}

/// setfsuid(2)
pub fn setfsuid(call: &mut Call, user: u32) -> Result<usize> {
    set_of_files(call, Kind::User, user)
}

/// setfsgid(2)
pub fn setfsgid(call: &mut Call, group: u32) -> Result<usize> {
    set_of_files(call, Kind::Group, group)
}

/// getgroups(2)
pub fn getgroups(call: &mut Call, size: i32, list: Addr) -> Result<usize> {
    with(call, |identity| {
        let count = identity.others.len();
        match size {
            ..0 => return Err(Errno::EINVAL),
            0 => return Ok(count),
            _ if (size as usize) < count => return Err(Errno::EINVAL),
            _ => {}
        }
        let bytes: Vec<u8> = identity.others.iter().flat_map(|group| group.to_ne_bytes()).collect();
        list.write_bytes(&bytes).map(|()| count)
    })
}

/// setgroups(2)
pub fn setgroups(call: &mut Call, size: usize, list: Addr) -> Result<usize> {
    with(call, |identity| {
        if !identity.can(Capability::Setgid) {
            return Err(Errno::EPERM);
        }
        if size > MAX_GROUPS {
            return Err(Errno::EINVAL);
        }
        identity.others = (0..size).map(|i| list.plus(i * 4).read()).collect::<Result<_>>()?;
        Ok(0)
    })
}

/// The capabilities that there are (capabilities(7)).
const CAPABILITIES: u64 = (1 << 41) - 1;
const CAPABILITY_V1: u32 = 0x1998_0330;

/// How many words a set of capabilities has.
fn halves(header: Addr) -> Result<usize> {
    Ok(if header.read::<u32>()? == CAPABILITY_V1 { 1 } else { 2 })
}

/// capget(2). Other processes are shown as the host knows them.
pub fn capget(call: &mut Call, header: Addr, data: Addr) -> Result<usize> {
    // The host checks the header, and fills in what the answer has besides.
    let done = call.pass(call.args)?;
    let pid: i32 = header.plus(4).read()?;
    if let Some(identity) = call.process.identity.lock().as_ref()
        && !data.is_null()
        && (pid == 0 || pid as u32 == host::process::id())
    {
        for half in 0..halves(header)? {
            let part = |set: u64| (set >> (half * 32)) as u32;
            data.plus(half * 12).write([part(identity.effective), part(identity.permitted), 0])?;
        }
    }
    Ok(done)
}

/// capset(2): what is given up is not got back. Inheritable ones are forgotten.
pub fn capset(call: &mut Call, header: Addr, data: Addr) -> Result<usize> {
    with(call, |identity| {
        let mut sets = [0u64; 2];
        for half in 0..halves(header)? {
            let [effective, permitted] = data.plus(half * 12).read::<[u32; 2]>()?;
            sets[0] |= u64::from(effective) << (half * 32);
            sets[1] |= u64::from(permitted) << (half * 32);
        }
        let [effective, permitted] = sets.map(|set| set & CAPABILITIES);
        if effective & !permitted != 0 || permitted & !identity.permitted != 0 {
            return Err(Errno::EPERM);
        }
        (identity.effective, identity.permitted) = (effective, permitted);
        Ok(0)
    })
}

/// What prctl(2) does for the identity that the guest seems to have. None: something else.
pub fn prctl(call: &Call, option: i32, value: usize) -> Option<Result<usize>> {
    let mut identity = call.process.identity.lock();
    let identity = identity.as_mut()?;
    match option {
        libc::PR_SET_KEEPCAPS if value > 1 => Some(Err(Errno::EINVAL)),
        libc::PR_SET_KEEPCAPS => {
            identity.keeps = value == 1;
            Some(Ok(0))
        }
        libc::PR_GET_KEEPCAPS => Some(Ok(usize::from(identity.keeps))),
        // What only root may do, and has no effect on who was never root.
        libc::PR_CAPBSET_DROP | libc::PR_SET_SECUREBITS => Some(Ok(0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_with_a_users_bit() {
        let (effective, permitted) = (0, 0);
        let mut identity =
            Identity { users: [5; 4], groups: [6; 4], others: Vec::new(), effective, permitted, keeps: false, host: [1000; 2] };
        assert!(!identity.execute(0o755, [0, 0]));
        assert!(identity.execute(0o4755, [0, 0]));
        assert_eq!(identity.users, [5, 0, 0, 0]);
        assert_eq!(identity.groups, [6; 4]);
        assert!(identity.can(Capability::Chown));
        assert!(identity.execute(0o755, [0, 0]), "the user is still another one");
    }
}
