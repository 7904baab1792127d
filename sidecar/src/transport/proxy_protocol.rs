//! The header by which a load balancer says whose connection it passes on: the PROXY protocol, versions 1 and 2
//! (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>).
//!
//! ```text
//! 1: PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n
//! 2: signature (12) │ version, command (1) │ family, protocol (1) │ length (2) │ addresses, extensions (length)
//! ```
//!
//! Exactly the header is taken off the connection: what comes next is TLS or HTTP.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use tokio::{io::AsyncReadExt as _, net::TcpStream};

use crate::limits::PROXY_HEADER_BYTES_MAX;

/// Begins every header of version 2; no header of version 1 and no HTTP begins so.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Longest header of version 1, with its end of line.
const LINE_BYTES_MAX: usize = 107;

/// Why a connection has no header that could be believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyHeaderError {
    #[error("the connection broke off within the PROXY header")]
    BrokenOff(#[source] io::Error),
    #[error("there is no PROXY header")]
    Missing,
    #[error("the PROXY header is malformed")]
    Malformed,
    #[error("the PROXY header has more than {PROXY_HEADER_BYTES_MAX} bytes")]
    TooLong,
}

/// Takes the header off a connection. What comes back is where the connection came from; nothing when the load balancer
/// speaks for itself, or cannot say.
pub(super) async fn take(stream: &mut TcpStream) -> Result<Option<IpAddr>, ProxyHeaderError> {
    // The shortest header of either version is longer.
    let mut beginning = [0; SIGNATURE.len()];
    stream.read_exact(&mut beginning).await.map_err(ProxyHeaderError::BrokenOff)?;
    if beginning == SIGNATURE {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.map_err(ProxyHeaderError::BrokenOff)?;
        let [_, _, high, low] = head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > PROXY_HEADER_BYTES_MAX {
            return Err(ProxyHeaderError::TooLong);
        }
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest).await.map_err(ProxyHeaderError::BrokenOff)?;
        version_2(head, &rest)
    } else if beginning.starts_with(b"PROXY ") {
        version_1(&line(stream, &beginning).await?)
    } else {
        Err(ProxyHeaderError::Missing)
    }
}

/// The rest of a line whose beginning has been read, without its end. Nothing beyond it is taken.
async fn line(stream: &mut TcpStream, beginning: &[u8]) -> Result<Vec<u8>, ProxyHeaderError> {
    let mut line = beginning.to_vec();
    let mut ahead = [0; LINE_BYTES_MAX];
    loop {
        let room = ahead.get_mut(..LINE_BYTES_MAX - line.len()).ok_or(ProxyHeaderError::Malformed)?;
        let seen = stream.peek(room).await.map_err(ProxyHeaderError::BrokenOff)?;
        let end = room.iter().take(seen).position(|byte| *byte == b'\n');
        let taken = room.get_mut(..end.map_or(seen, |end| end + 1)).ok_or(ProxyHeaderError::Malformed)?;
        if taken.is_empty() {
            return Err(ProxyHeaderError::Malformed);
        }
        stream.read_exact(taken).await.map_err(ProxyHeaderError::BrokenOff)?;
        line.extend_from_slice(taken);
        if end.is_some() {
            return line.strip_suffix(b"\r\n").map(<[u8]>::to_vec).ok_or(ProxyHeaderError::Malformed);
        }
    }
}

/// Reads a line without its end.
fn version_1(line: &[u8]) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let line = std::str::from_utf8(line).map_err(|_| ProxyHeaderError::Malformed)?;
    let parts: Vec<&str> = line.split(' ').collect();
    match parts[..] {
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        ["PROXY", "TCP4", source, destination, from, to] => told::<Ipv4Addr>(source, destination, [from, to]),
        ["PROXY", "TCP6", source, destination, from, to] => told::<Ipv6Addr>(source, destination, [from, to]),
        _ => Err(ProxyHeaderError::Malformed),
    }
}

fn told<A: FromStr + Into<IpAddr>>(
    source: &str,
    destination: &str,
    ports: [&str; 2],
) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    let addresses = source.parse::<A>().ok().zip(destination.parse::<A>().ok());
    let (source, _) = addresses.filter(|_| ports.into_iter().all(is_port)).ok_or(ProxyHeaderError::Malformed)?;
    Ok(Some(source.into().to_canonical()))
}

/// Reads what follows the signature: the four fixed bytes, and as many as they say.
fn version_2([version_command, family, ..]: [u8; 4], rest: &[u8]) -> Result<Option<IpAddr>, ProxyHeaderError> {
    match (version_command, family) {
        // LOCAL: the load balancer's own connection, to see whether we are well.
        (0x20, _) | (0x21, 0x00) => Ok(None),
        // PROXY, TCP over IPv4: two addresses, two ports.
        (0x21, 0x11) => match rest.get(..12) {
            Some(&[a, b, c, d, ..]) => Ok(Some(Ipv4Addr::new(a, b, c, d).into())),
            _ => Err(ProxyHeaderError::Malformed),
        },
        // PROXY, TCP over IPv6.
        (0x21, 0x21) => {
            let source = rest.get(..36).and_then(|addresses| addresses.first_chunk::<16>());
            let source = source.ok_or(ProxyHeaderError::Malformed)?;
            Ok(Some(IpAddr::from(Ipv6Addr::from(*source)).to_canonical()))
        }
        _ => Err(ProxyHeaderError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    use super::*;

    /// What is taken off a connection on which this is written, in pieces, and what is left on it.
    async fn taken(pieces: &[&[u8]]) -> (Result<Option<IpAddr>, ProxyHeaderError>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut writer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let taking = tokio::spawn(async move {
            let taken = take(&mut stream).await;
            let mut rest = Vec::new();
            if taken.is_ok() {
                stream.read_to_end(&mut rest).await.unwrap();
            }
            (taken, rest)
        });
        for piece in pieces {
            // Whoever is refused hangs up in the middle.
            let _ = writer.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        drop(writer);
        taking.await.unwrap()
    }

    fn second(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn addresses(source: IpAddr) -> (u8, Vec<u8>) {
        match source {
            IpAddr::V4(source) => (0x11, [&source.octets()[..], &[198, 51, 100, 1], &[1, 2, 1, 187]].concat()),
            IpAddr::V6(source) => (0x21, [&source.octets()[..], &[0; 16], &[1, 2, 1, 187]].concat()),
        }
    }

    #[tokio::test]
    async fn exactly_the_header_is_taken_however_it_arrives() {
        let extended = [addresses("192.0.2.1".parse().unwrap()).1, vec![4, 0, 2, b'x', b'y']].concat();
        let headers: [(Vec<u8>, Option<&str>); 7] = [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(), Some("192.0.2.1")),
            (b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n".to_vec(), Some("2001:db8::1")),
            (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 443\r\n".to_vec(), Some("192.0.2.1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN whatever it says\r\n".to_vec(), None),
            (second(0x21, 0x11, &extended), Some("192.0.2.1")),
            (second(0x20, 0x00, b"anything"), None),
        ];
        for (header, source) in &headers {
            let source = source.map(|source| source.parse::<IpAddr>().unwrap());
            let whole = [header.as_slice(), b"GET /\n\r\nPROXY "].concat();
            let in_pieces: Vec<&[u8]> = whole.chunks(5).collect();
            for pieces in [vec![whole.as_slice()], in_pieces] {
                let (taken, rest) = taken(&pieces).await;
                assert_eq!((taken.unwrap(), rest.as_slice()), (source, &b"GET /\n\r\nPROXY "[..]), "{header:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(100));
        let short = second(0x21, 0x11, &[192, 0, 2, 1]);
        let (udp, local_socket) = (second(0x21, 0x12, &[0; 12]), second(0x21, 0x31, &[0; 216]));
        let (third, command) = (second(0x31, 0x11, &[0; 12]), second(0x22, 0x11, &[0; 12]));
        let too_long = second(0x20, 0, &[0; PROXY_HEADER_BYTES_MAX + 1]);
        let bytes: [&[u8]; 20] = [
            b"",
            b"PROXY ",
            b"GET / HTTP/1.1\r\n\r\n",
            b"proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2",
            b"PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
            b"PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
            b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
            long.as_bytes(),
            &short,
            &udp,
            &local_socket,
            &third,
            &command,
            &too_long,
        ];
        for bytes in bytes {
            let (taken, _) = taken(&[bytes]).await;
            assert!(taken.is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn whatever_follows_the_fixed_bytes_is_read_without_panic(head in any::<[u8; 4]>(), rest in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = version_2(head, &rest);
        }

        #[test]
        fn any_line_is_read_without_panic_and_an_address_only_from_a_whole_one(line in "PROXY (TCP4|TCP6|UNKNOWN)?[ 0-9a-f:.]{0,60}") {
            if let Ok(Some(source)) = version_1(line.as_bytes()) {
                let parts: Vec<&str> = line.split(' ').collect();
                prop_assert_eq!(parts.len(), 6);
                prop_assert_eq!(parts[2].parse::<IpAddr>().unwrap().to_canonical(), source);
            }
        }

        #[test]
        fn an_address_that_was_written_is_read(source in any::<IpAddr>()) {
            let (family, rest) = addresses(source);
            prop_assert_eq!(version_2([0x21, family, 0, 0], &rest).unwrap(), Some(source.to_canonical()));
            prop_assert!(version_2([0x21, family, 0, 0], &rest[..rest.len() - 1]).is_err());
            let kind = if source.is_ipv4() { "TCP4" } else { "TCP6" };
            let line = format!("PROXY {kind} {source} {source} 1 65535");
            prop_assert_eq!(version_1(line.as_bytes()).unwrap(), Some(source.to_canonical()));
        }
    }
}
