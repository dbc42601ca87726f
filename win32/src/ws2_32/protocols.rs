//! The catalogue of protocols (winsock2.h, WSAPROTOCOL_INFO).

use super::{Error, WSAENOBUFS, count};
use abi::wide::wide;
use abi::{Ptr, export};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, PFL_MATCHES_PROTOCOL_ZERO, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM,
    SOCKADDR_IN, SOCKADDR_IN6, WSAPROTOCOL_INFOA, WSAPROTOCOL_INFOW, WSAPROTOCOLCHAIN, XP1_CONNECTIONLESS, XP1_EXPEDITED_DATA,
    XP1_GRACEFUL_CLOSE, XP1_GUARANTEED_DELIVERY, XP1_GUARANTEED_ORDER, XP1_IFS_HANDLES, XP1_MESSAGE_ORIENTED, XP1_SUPPORT_BROADCAST,
    XP1_SUPPORT_MULTIPOINT,
};
use windows_sys::core::GUID;

/// Microsoft's own provider, by address family. Event loops look for these before they poll by `\Device\Afd`, for
/// example libuv's `uv_msafd_provider_ids`.
const PROVIDER_IPV4: GUID = GUID::from_u128(0xe70f1aa0_ab8b_11cf_8ca3_00805f48a192);
const PROVIDER_IPV6: GUID = GUID::from_u128(0xf9eab0c0_26d4_11d0_bbbf_00aa006c34e4);

struct Protocol {
    family: i32,
    kind: i32,
    /// 0: any, of raw sockets.
    protocol: i32,
    name: &'static str,
}

const CATALOGUE: [Protocol; 6] = [
    Protocol { family: AF_INET as i32, kind: SOCK_STREAM, protocol: IPPROTO_TCP, name: "MSAFD Tcpip [TCP/IP]" },
    Protocol { family: AF_INET as i32, kind: SOCK_DGRAM, protocol: IPPROTO_UDP, name: "MSAFD Tcpip [UDP/IP]" },
    Protocol { family: AF_INET as i32, kind: SOCK_RAW, protocol: IPPROTO_IP, name: "MSAFD Tcpip [RAW/IP]" },
    Protocol { family: AF_INET6 as i32, kind: SOCK_STREAM, protocol: IPPROTO_TCP, name: "MSAFD Tcpip [TCP/IPv6]" },
    Protocol { family: AF_INET6 as i32, kind: SOCK_DGRAM, protocol: IPPROTO_UDP, name: "MSAFD Tcpip [UDP/IPv6]" },
    Protocol { family: AF_INET6 as i32, kind: SOCK_RAW, protocol: IPPROTO_IPV6, name: "MSAFD Tcpip [RAW/IPv6]" },
];

/// The longest UDP datagram that Windows promises.
const MAX_DATAGRAM: u32 = 0xffbb;

impl Protocol {
    fn info(&self, number: usize) -> WSAPROTOCOL_INFOW {
        let is_v6 = self.family == i32::from(AF_INET6);
        let address = if is_v6 { size_of::<SOCKADDR_IN6>() } else { size_of::<SOCKADDR_IN>() } as i32;
        let service = match self.kind {
            SOCK_STREAM => XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | XP1_GRACEFUL_CLOSE | XP1_EXPEDITED_DATA,
            _ => XP1_CONNECTIONLESS | XP1_MESSAGE_ORIENTED | XP1_SUPPORT_BROADCAST | XP1_SUPPORT_MULTIPOINT,
        };
        let mut name = [0; 256];
        for (to, unit) in name.iter_mut().zip(wide(self.name)) {
            *to = unit;
        }
        WSAPROTOCOL_INFOW {
            dwServiceFlags1: service | XP1_IFS_HANDLES,
            dwServiceFlags2: 0,
            dwServiceFlags3: 0,
            dwServiceFlags4: 0,
            dwProviderFlags: PFL_MATCHES_PROTOCOL_ZERO,
            ProviderId: if is_v6 { PROVIDER_IPV6 } else { PROVIDER_IPV4 },
            dwCatalogEntryId: 1001 + number as u32,
            ProtocolChain: WSAPROTOCOLCHAIN { ChainLen: 1, ChainEntries: [0; 7] },
            iVersion: 2,
            iAddressFamily: self.family,
            iMaxSockAddr: address,
            iMinSockAddr: address,
            iSocketType: self.kind,
            iProtocol: self.protocol,
            iProtocolMaxOffset: if self.kind == SOCK_RAW { 255 } else { 0 },
            iNetworkByteOrder: 0,
            iSecurityScheme: 0,
            dwMessageSize: if self.kind == SOCK_STREAM { 0 } else { MAX_DATAGRAM },
            dwProviderReserved: 0,
            szProtocol: name,
        }
    }
}

/// The entry for a socket: SO_PROTOCOL_INFO.
pub fn of_socket(family: i32, kind: i32) -> Option<WSAPROTOCOL_INFOW> {
    let number = CATALOGUE.iter().position(|entry| entry.family == family && entry.kind == kind)?;
    Some(CATALOGUE[number].info(number))
}

/// The entry as the A functions give it.
pub fn narrow(info: &WSAPROTOCOL_INFOW) -> WSAPROTOCOL_INFOA {
    WSAPROTOCOL_INFOA {
        dwServiceFlags1: info.dwServiceFlags1,
        dwServiceFlags2: info.dwServiceFlags2,
        dwServiceFlags3: info.dwServiceFlags3,
        dwServiceFlags4: info.dwServiceFlags4,
        dwProviderFlags: info.dwProviderFlags,
        ProviderId: info.ProviderId,
        dwCatalogEntryId: info.dwCatalogEntryId,
        ProtocolChain: info.ProtocolChain,
        iVersion: info.iVersion,
        iAddressFamily: info.iAddressFamily,
        iMaxSockAddr: info.iMaxSockAddr,
        iMinSockAddr: info.iMinSockAddr,
        iSocketType: info.iSocketType,
        iProtocol: info.iProtocol,
        iProtocolMaxOffset: info.iProtocolMaxOffset,
        iNetworkByteOrder: info.iNetworkByteOrder,
        iSecurityScheme: info.iSecurityScheme,
        dwMessageSize: info.dwMessageSize,
        dwProviderReserved: info.dwProviderReserved,
        szProtocol: info.szProtocol.map(|unit| unit as i8),
    }
}

/// Writes the entries for the protocols in the list (all, without one), or says how much room they take.
fn list<T: Copy>(protocols: Ptr<i32>, to: Ptr<T>, len: Ptr<u32>, form: impl Fn(&WSAPROTOCOL_INFOW) -> T) -> i32 {
    count(|| {
        let mut wanted = Vec::new();
        if !protocols.is_null() {
            for index in 0.. {
                match protocols.add(index).read()? {
                    0 => break,
                    protocol => wanted.push(protocol),
                }
            }
        }
        let is_wanted = |entry: &Protocol| protocols.is_null() || wanted.contains(&entry.protocol);
        let found: Vec<T> =
            CATALOGUE.iter().enumerate().filter(|(_, entry)| is_wanted(entry)).map(|(number, entry)| form(&entry.info(number))).collect();
        let needed = size_of_val(found.as_slice()) as u32;
        if len.read()? < needed || to.is_null() {
            len.write(needed)?;
            return Err(Error(WSAENOBUFS));
        }
        to.write_slice(&found)?;
        Ok(found.len() as i32)
    })
}

/// The protocols that sockets can be made of.
#[export(ws2_32, full)]
pub fn WSAEnumProtocolsW(protocols: Ptr<i32>, buffer: Ptr<WSAPROTOCOL_INFOW>, len: Ptr<u32>) -> i32 {
    list(protocols, buffer, len, |info| *info)
}

/// The protocols that sockets can be made of.
#[export(ws2_32, full)]
pub fn WSAEnumProtocolsA(protocols: Ptr<i32>, buffer: Ptr<WSAPROTOCOL_INFOA>, len: Ptr<u32>) -> i32 {
    list(protocols, buffer, len, narrow)
}
