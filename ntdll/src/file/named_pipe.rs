//! Named pipes, over local sockets: an instance that listens has an address outside of the file system, made of the
//! prefix, the pipe's name and a number, which vanishes with it. A client tries the numbers in turn. So pipes work between
//! all processes of a prefix and leave nothing behind.
//! <https://learn.microsoft.com/windows/win32/ipc/named-pipes>

use super::pending::{self, Request, Started};
use super::{Done, File, Kind, open, transfer};
use crate::access;
use crate::errno_to_status;
use abi::NTSTATUS;
use abi::fault;
use host::Errno;
use host::pipe::{self, Carrier};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Weak};

/// Instances of one pipe that can listen at the same time.
const MAX_LISTENING: usize = 64;

/// FILE_SHARE_READ: the client may read; FILE_SHARE_WRITE: it may write.
const SHARE_READ: u32 = 1;
const SHARE_WRITE: u32 = 2;

pub const FSCTL_PIPE_DISCONNECT: u32 = 0x0011_0004;
pub const FSCTL_PIPE_LISTEN: u32 = 0x0011_0008;
pub const FSCTL_PIPE_PEEK: u32 = 0x0011_400c;

/// What CreateNamedPipe asks for.
#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    pub access: u32,
    /// FILE_* options.
    pub options: u32,
    /// It must be the first instance.
    pub first: bool,
    pub messages: bool,
    pub message_reads: bool,
    pub no_wait: bool,
    /// What the client may do: FILE_SHARE_READ, FILE_SHARE_WRITE.
    pub share: u32,
    pub max_instances: u32,
    pub in_size: u32,
    pub out_size: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Listening,
    Connected,
    Disconnected,
}

/// A name that this process serves.
struct Name {
    /// Tells other processes that the pipe exists even while no instance listens.
    _mark: Option<OwnedFd>,
    max_instances: u32,
}

static NAMES: LazyLock<Mutex<HashMap<String, Weak<Name>>>> = LazyLock::new(Mutex::default);

/// One end of a named pipe.
pub struct NamedPipe {
    pub name: String,
    pub configuration: Configuration,
    /// Present at the server's end.
    serves: Option<Arc<Name>>,
    state: Mutex<State>,
    message_reads: AtomicBool,
    no_wait: AtomicBool,
    /// The rest of a message that was read in part.
    rest: Mutex<Vec<u8>>,
    /// The other end of a pipe without a name, until it is opened.
    other: Mutex<Option<OwnedFd>>,
}

/// Names of different prefixes don't meet.
fn address(name: &str) -> Vec<u8> {
    let prefix = host::file::stat(crate::path::prefix()).map_or((0, 0), |stat| (stat.dev, stat.ino));
    let full = format!("uosrun/{:x}.{:x}/{name}", prefix.0, prefix.1);
    if full.len() <= 96 {
        return full.into_bytes();
    }
    let hash = abi::hash::fnv1a(name.as_bytes());
    format!("uosrun/{:x}.{:x}/{hash:016x}", prefix.0, prefix.1).into_bytes()
}

fn listening_address(name: &str, number: usize) -> Vec<u8> {
    [&address(name)[..], format!("#{number}").as_bytes()].concat()
}

fn listen(name: &str, carrier: Carrier) -> Result<OwnedFd, NTSTATUS> {
    for number in 0..MAX_LISTENING {
        match pipe::listen(&listening_address(name, number), carrier) {
            Err(errno) if errno == Errno::EADDRINUSE => {}
            other => return other.map_err(errno_to_status),
        }
    }
    Err(NTSTATUS::INSTANCE_NOT_AVAILABLE)
}

/// Lower case, as names are compared.
fn fold(name: &[u16]) -> String {
    String::from_utf16_lossy(name).to_lowercase()
}

fn carrier(messages: bool) -> Carrier {
    if messages { Carrier::Messages } else { Carrier::Bytes }
}

/// Makes an instance of a pipe: its server's end, which listens.
pub fn create(name: &[u16], configuration: &Configuration) -> Result<File, NTSTATUS> {
    let name = fold(name);
    let mut names = NAMES.lock();
    let known = names.get(&name).and_then(Weak::upgrade);
    let serves = match known {
        Some(_) if configuration.first => return Err(NTSTATUS::ACCESS_DENIED),
        Some(known) if Arc::strong_count(&known) as u64 > u64::from(known.max_instances) => return Err(NTSTATUS::INSTANCE_NOT_AVAILABLE),
        Some(known) => known,
        None => {
            let mark = match pipe::mark(&address(&name)) {
                Ok(mark) => Some(mark),
                // Another process serves the name.
                Err(errno) if errno == Errno::EADDRINUSE && !configuration.first => None,
                Err(errno) if errno == Errno::EADDRINUSE => return Err(NTSTATUS::ACCESS_DENIED),
                Err(errno) => return Err(errno_to_status(errno)),
            };
            let max_instances = if configuration.max_instances >= 255 { u32::MAX - 1 } else { configuration.max_instances };
            let new = Arc::new(Name { _mark: mark, max_instances });
            names.insert(name.clone(), Arc::downgrade(&new));
            new
        }
    };
    let socket = listen(&name, carrier(configuration.messages))?;
    Ok(end(socket, name, configuration, Some(serves), State::Listening))
}

fn end(socket: OwnedFd, name: String, configuration: &Configuration, serves: Option<Arc<Name>>, state: State) -> File {
    let mut file = File::new(socket, Kind::Pipe, configuration.access, configuration.options, Vec::new(), None);
    file.pipe = Some(Box::new(NamedPipe {
        name,
        configuration: *configuration,
        serves,
        state: Mutex::new(state),
        message_reads: AtomicBool::new(configuration.message_reads),
        no_wait: AtomicBool::new(configuration.no_wait),
        rest: Mutex::default(),
        other: Mutex::default(),
    }));
    file
}

/// The folder that all pipes are in, by whose handle others are created.
pub(super) fn folder(how: &open::CreateOptions) -> Result<File, NTSTATUS> {
    let nothing = host::eventfd::new(false).map_err(errno_to_status)?;
    Ok(File::new(nothing, Kind::PipeFolder, how.access, how.options, Vec::new(), None))
}

/// Makes a pipe that has no name: the server's end, which knows the other one.
pub(super) fn create_unnamed(configuration: &Configuration) -> Result<File, NTSTATUS> {
    // What goes one way, bytes only, is a pipe of the host as well.
    let (own, other) = match (configuration.messages, configuration.share & 3) {
        (false, SHARE_WRITE) => host::file::pipe(),
        (false, SHARE_READ) => host::file::pipe().map(|(read, write)| (write, read)),
        (messages, _) => pipe::pair(carrier(messages)),
    }
    .map_err(errno_to_status)?;
    let serves = Arc::new(Name { _mark: None, max_instances: configuration.max_instances });
    let file = end(own, String::new(), configuration, Some(serves), State::Connected);
    if let Some(pipe) = &file.pipe {
        *pipe.other.lock() = Some(other);
    }
    Ok(file)
}

/// Opens the other end of a pipe without a name, which can be done once.
pub(super) fn open_other_end(server: &File, how: &open::CreateOptions) -> Result<File, NTSTATUS> {
    let pipe = server.pipe.as_ref().filter(|pipe| pipe.is_server()).ok_or(NTSTATUS::OBJECT_NAME_INVALID)?;
    let access = access::map_generic(how.access, "File");
    let share = pipe.configuration.share;
    if access & access::FILE_READ_DATA != 0 && share & SHARE_READ == 0 || access & access::FILE_WRITE_DATA != 0 && share & SHARE_WRITE == 0
    {
        return Err(NTSTATUS::ACCESS_DENIED);
    }
    let socket = pipe.other.lock().take().ok_or(NTSTATUS::PIPE_NOT_AVAILABLE)?;
    let configuration =
        Configuration { access, options: how.options, message_reads: false, no_wait: false, first: false, ..pipe.configuration };
    Ok(end(socket, String::new(), &configuration, None, State::Connected))
}

/// Opens the client's end.
pub fn connect(name: &[u16], how: &open::CreateOptions) -> Result<File, NTSTATUS> {
    let name = fold(name);
    for number in 0..MAX_LISTENING {
        let at = listening_address(&name, number);
        let connected =
            [Carrier::Bytes, Carrier::Messages].iter().find_map(|&carrier| pipe::connect(&at, carrier).ok().map(|s| (s, carrier)));
        let Some((socket, carrier)) = connected else { continue };
        let configuration = Configuration {
            access: how.access,
            options: how.options,
            first: false,
            messages: carrier == Carrier::Messages,
            message_reads: false,
            no_wait: false,
            share: 3,
            max_instances: 255,
            in_size: 4096,
            out_size: 4096,
        };
        return Ok(end(socket, name, &configuration, None, State::Connected));
    }
    Err(if pipe::is_taken(&address(&name)) { NTSTATUS::PIPE_NOT_AVAILABLE } else { NTSTATUS::OBJECT_NAME_NOT_FOUND })
}

/// Whether a pipe of that name exists, and whether an instance of it listens.
pub fn probe(name: &[u16]) -> (bool, bool) {
    let name = fold(name);
    // Not by connecting: an instance would take that for a client.
    let listening = (0..MAX_LISTENING).any(|number| pipe::is_taken(&listening_address(&name, number)));
    (listening || pipe::is_taken(&address(&name)), listening)
}

impl NamedPipe {
    /// What a process that inherits this end has to know besides the name.
    pub(super) fn describe(&self) -> [u32; 7] {
        let c = &self.configuration;
        let (message_reads, no_wait) = self.modes();
        let state = *self.state.lock() as u32;
        let bits = u32::from(self.is_server())
            | u32::from(c.messages) << 1
            | u32::from(message_reads) << 2
            | u32::from(no_wait) << 3
            | (c.share & 3) << 4;
        [bits, state, c.access, c.options, c.max_instances, c.in_size, c.out_size]
    }

    /// The end that was so described.
    pub(super) fn described(name: String, [bits, state, access, options, max_instances, in_size, out_size]: [u32; 7]) -> NamedPipe {
        let (messages, message_reads, no_wait, share) = (bits & 2 != 0, bits & 4 != 0, bits & 8 != 0, bits >> 4 & 3);
        let configuration =
            Configuration { access, options, first: false, messages, message_reads, no_wait, share, max_instances, in_size, out_size };
        NamedPipe {
            name,
            configuration,
            serves: (bits & 1 != 0).then(|| Arc::new(Name { _mark: None, max_instances })),
            state: Mutex::new([State::Listening, State::Connected, State::Disconnected][(state as usize).min(2)]),
            message_reads: AtomicBool::new(message_reads),
            no_wait: AtomicBool::new(no_wait),
            rest: Mutex::default(),
            other: Mutex::default(),
        }
    }

    pub fn is_server(&self) -> bool {
        self.serves.is_some()
    }

    pub fn state(&self) -> State {
        *self.state.lock()
    }

    /// Instances of the pipe in this process.
    pub fn instances(&self) -> u32 {
        self.serves.as_ref().map_or(1, |name| Arc::strong_count(name) as u32)
    }

    /// PIPE_READMODE_MESSAGE and PIPE_NOWAIT.
    pub fn modes(&self) -> (bool, bool) {
        (self.message_reads.load(Ordering::Relaxed), self.no_wait.load(Ordering::Relaxed))
    }

    /// Changes how this end reads.
    pub fn set_modes(&self, message_reads: bool, no_wait: bool) -> Result<(), NTSTATUS> {
        if message_reads && !self.configuration.messages {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        self.message_reads.store(message_reads, Ordering::Relaxed);
        self.no_wait.store(no_wait, Ordering::Relaxed);
        Ok(())
    }

    /// Takes a waiting client. Err(PIPE_LISTENING): there is none yet.
    pub(super) fn prepare(&self, file: &File) -> Result<(), NTSTATUS> {
        let mut state = self.state.lock();
        match *state {
            State::Connected => Ok(()),
            State::Disconnected => Err(NTSTATUS::PIPE_DISCONNECTED),
            State::Listening => match pipe::accept_into(file.fd()) {
                Ok(()) => {
                    *state = State::Connected;
                    Ok(())
                }
                Err(Errno::EAGAIN) => Err(NTSTATUS::PIPE_LISTENING),
                Err(errno) => Err(errno_to_status(errno)),
            },
        }
    }

    /// ConnectNamedPipe, the part before any wait: Ok(true): connected just now by waiting for it, Ok(false): has to wait.
    pub fn begin_listening(&self, file: &File) -> Result<(), NTSTATUS> {
        if !self.is_server() {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        let mut state = self.state.lock();
        match *state {
            State::Connected if host::file::hung_up(file.fd()) => Err(NTSTATUS::PIPE_CLOSING),
            State::Connected => Err(NTSTATUS::PIPE_CONNECTED),
            State::Listening => {
                drop(state);
                match self.prepare(file) {
                    Ok(()) => Err(NTSTATUS::PIPE_CONNECTED),
                    Err(NTSTATUS::PIPE_LISTENING) => Ok(()),
                    Err(other) => Err(other),
                }
            }
            State::Disconnected if self.name.is_empty() => Err(NTSTATUS::INVALID_PARAMETER),
            State::Disconnected => {
                let socket = listen(&self.name, carrier(self.configuration.messages))?;
                pipe::replace(file.fd(), &socket).map_err(errno_to_status)?;
                *state = State::Listening;
                Ok(())
            }
        }
    }

    /// The wait of ConnectNamedPipe: one attempt.
    pub fn try_connect(&self, file: &File) -> Option<Done> {
        match self.prepare(file) {
            Ok(()) => Some(Done::ok(0)),
            Err(NTSTATUS::PIPE_LISTENING) => None,
            Err(status) => Some(Done::failed(status)),
        }
    }

    /// DisconnectNamedPipe: what the client has not read is lost.
    pub fn disconnect(&self, file: &File) -> Result<(), NTSTATUS> {
        if !self.is_server() {
            return Err(NTSTATUS::INVALID_PARAMETER);
        }
        let mut state = self.state.lock();
        if *state == State::Disconnected {
            return Err(NTSTATUS::PIPE_DISCONNECTED);
        }
        // Something unconnected takes the socket's place, so that its number stays taken.
        let nothing = host::socket::create(1, 1, 0).map_err(errno_to_status)?;
        let _ = host::socket::shutdown(file.fd(), 2);
        pipe::replace(file.fd(), &nothing).map_err(errno_to_status)?;
        self.rest.lock().clear();
        *state = State::Disconnected;
        Ok(())
    }

    pub(super) fn read_now(&self, file: &File, addr: usize, len: usize) -> Option<Done> {
        if let Err(status) = self.prepare(file) {
            return Some(Done::failed(status));
        }
        let done = if self.configuration.messages { self.read_message(file, addr, len) } else { file.read_bytes_now(addr, len) };
        match done {
            None if self.no_wait.load(Ordering::Relaxed) => Some(Done::failed(NTSTATUS::PIPE_EMPTY)),
            other => other,
        }
    }

    /// Reads one message, or what of it fits: the rest comes with the next reads.
    fn read_message(&self, file: &File, addr: usize, len: usize) -> Option<Done> {
        let mut rest = self.rest.lock();
        if rest.is_empty() {
            let size = match pipe::next_message(file.fd()) {
                Ok(Some(size)) => size,
                Ok(None) | Err(Errno::ECONNRESET) => return Some(Done::failed(NTSTATUS::PIPE_BROKEN)),
                Err(Errno::EAGAIN | Errno::EINTR) => return None,
                Err(errno) => return Some(Done::failed(errno_to_status(errno))),
            };
            if size <= len {
                return file.read_bytes_now(addr, len);
            }
            rest.resize(size, 0);
            if let Err(errno) = host::file::read(file.fd(), rest.as_mut_ptr() as usize, size) {
                rest.clear();
                return Some(Done::failed(errno_to_status(errno)));
            }
        }
        let bytes = rest.len().min(len);
        if fault::write_slice(addr, &rest[..bytes]).is_err() {
            return Some(Done::failed(NTSTATUS::ACCESS_VIOLATION));
        }
        rest.drain(..bytes);
        let more = !rest.is_empty() && self.message_reads.load(Ordering::Relaxed);
        Some(if more { Done { status: NTSTATUS::BUFFER_OVERFLOW, bytes } } else { Done::ok(bytes) })
    }
}

/// What PeekNamedPipe tells.
#[derive(Clone, Debug, Default)]
pub struct Peek {
    pub data: Vec<u8>,
    /// Bytes that can be read.
    pub available: usize,
    /// Bytes of this message beyond `data`.
    pub left: usize,
}

/// Looks at what a pipe holds, at most `len` bytes of it.
pub fn peek(file: &File, len: usize) -> Result<Peek, NTSTATUS> {
    if file.kind != Kind::Pipe {
        return Err(NTSTATUS::INVALID_DEVICE_REQUEST);
    }
    let mut peek = Peek::default();
    let mut messages = false;
    if let Some(pipe) = &file.pipe {
        pipe.prepare(file)?;
        messages = pipe.configuration.messages;
        peek.data = pipe.rest.lock().clone();
    }
    if peek.data.is_empty() {
        peek.available = host::file::available(file.fd()).map_err(errno_to_status)?;
        if peek.available == 0 && host::file::hung_up(file.fd()) {
            return Err(NTSTATUS::PIPE_BROKEN);
        }
        if len != 0 && peek.available != 0 {
            peek.data = vec![0; len.min(peek.available)];
            let got = pipe::peek(file.fd(), &mut peek.data).map_err(errno_to_status)?;
            peek.data.truncate(got);
        }
    } else {
        peek.available = peek.data.len();
        peek.data.truncate(len);
    }
    if messages {
        peek.left = peek.available.saturating_sub(peek.data.len());
    }
    Ok(peek)
}

/// The other end's process.
pub fn peer_process(file: &File) -> Result<u32, NTSTATUS> {
    pipe::peer(file.fd()).map(|peer| peer.0).map_err(errno_to_status)
}

/// FSCTL_PIPE_LISTEN: waits for a client, or lets it be reported.
pub fn listen_for_client(file: &Arc<File>, request: Request) -> Result<Started, NTSTATUS> {
    let pipe = file.pipe.as_ref().ok_or(NTSTATUS::INVALID_DEVICE_REQUEST)?;
    pipe.begin_listening(file)?;
    if pipe.modes().1 {
        return Err(NTSTATUS::PIPE_LISTENING);
    }
    if file.is_synchronous() {
        let done = transfer::wait(file, || pipe.try_connect(file));
        if done.is_success() {
            pending::complete_at_once(file, request, done);
        }
        return Ok(Started::Done(done));
    }
    let own = file.clone();
    let attempt = Box::new(move || own.pipe.as_ref().and_then(|pipe| pipe.try_connect(&own)));
    pending::start(file.clone(), pipe::READABLE, request, attempt)
}

/// The control codes of pipes: what they return. None: another code.
pub(super) fn control(file: &File, code: u32, room: usize) -> Option<Result<Vec<u8>, NTSTATUS>> {
    let pipe = file.pipe.as_ref();
    Some(match code {
        FSCTL_PIPE_DISCONNECT => pipe.ok_or(NTSTATUS::INVALID_DEVICE_REQUEST).and_then(|pipe| pipe.disconnect(file)).map(|()| Vec::new()),
        FSCTL_PIPE_PEEK if room < 16 => Err(NTSTATUS::BUFFER_TOO_SMALL),
        // FILE_PIPE_PEEK_BUFFER.
        FSCTL_PIPE_PEEK => peek(file, room - 16).map(|peek| {
            let messages = u32::from(peek.left != 0);
            let words = [state_number(file), peek.available as u32, messages, (peek.left + peek.data.len()) as u32 * messages];
            let mut out: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            out.extend(peek.data);
            out
        }),
        _ => return None,
    })
}

/// FILE_PIPE_DISCONNECTED_STATE and so on.
fn state_number(file: &File) -> u32 {
    match file.pipe.as_ref().map_or(State::Connected, |pipe| pipe.state()) {
        State::Disconnected => 1,
        State::Listening => 2,
        State::Connected if host::file::hung_up(file.fd()) => 4,
        State::Connected => 3,
    }
}

/// FILE_PIPE_LOCAL_INFORMATION.
pub(super) fn local_information(file: &File, available: u32) -> [u32; 10] {
    let state = state_number(file);
    let Some(pipe) = &file.pipe else {
        // Made by CreatePipe: whoever reads it is the server's end.
        let reads = u32::from(file.access & access::FILE_READ_DATA != 0);
        return [0, 0, 1, 1, 65536, available, 65536, 65536, state, reads];
    };
    let c = &pipe.configuration;
    let direction = match c.share & 3 {
        SHARE_WRITE => 0,
        SHARE_READ => 1,
        _ => 2,
    };
    let kind = u32::from(c.messages);
    [kind, direction, c.max_instances, pipe.instances(), c.in_size, available, c.out_size, c.out_size, state, pipe.is_server().into()]
}
