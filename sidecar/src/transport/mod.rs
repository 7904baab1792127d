//! From an accepted TCP connection to one that HTTP is spoken on.
//!
//! ```text
//! accepted ──▶ PROXY header, from load balancers ──▶ TLS handshake, where there is TLS ──▶ HTTP/1.1 or HTTP/2
//! ```

mod certificate;
mod proxy_protocol;
mod stream;
mod tls;

use std::{io, net::IpAddr, sync::Arc};

use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

pub(crate) use self::stream::Stream;
pub use self::tls::{Tls, TlsError, TlsFiles};
use crate::{
    limits::{HANDSHAKE_TIMEOUT, HEAD_READ_TIMEOUT, PEEK_INTERVAL},
    standing::Standing,
};
use proxy_protocol::ProxyHeaderError;

/// First bytes of a connection that speaks HTTP/2; no HTTP/1 method begins so.
const HTTP2: &[u8] = b"PRI";
/// HTTP/2 as a handshake agrees on it (RFC 9113 §3.2).
const ALPN_HTTP2: &[u8] = b"h2";

/// How the connections of one listener are opened.
#[derive(Clone, Default)]
pub(crate) struct Transport {
    tls: Tls,
    /// Whose policy says how connections arrive; nobody's for the private listener.
    standing: Option<Arc<Standing>>,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where the caller is: whoever opened the connection, or who that is said to speak for.
    pub(crate) source: IpAddr,
}

/// A connection on which HTTP is spoken.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    pub(crate) is_http2: bool,
    pub(crate) peer: Peer,
}

/// Why a connection is closed before a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("a load balancer does not say whose connection it passes on")]
    ProxyHeader(#[source] ProxyHeaderError),
    #[error("there is no certificate yet")]
    NoCertificate,
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    #[error("the handshake was not done, or nothing was asked, in time")]
    Timeout,
    #[error("failed to read the first bytes")]
    Unreadable(#[source] io::Error),
}

// === impl Transport ===

impl Transport {
    /// For callers of the Session.
    pub(crate) fn new(tls: Tls, standing: Arc<Standing>) -> Self {
        Self { tls, standing: Some(standing) }
    }

    /// Whatever comes before the first request.
    pub(crate) async fn open(&self, stream: TcpStream, opener: IpAddr) -> Result<Opened, OpenError> {
        let (stream, peer) =
            timeout(HANDSHAKE_TIMEOUT, self.introduce(stream, opener)).await.map_err(|_| OpenError::Timeout)??;
        let is_http2 = match &stream {
            Stream::Encrypted(stream) => stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2),
            Stream::Clear(stream) => {
                let seen = timeout(HEAD_READ_TIMEOUT, speaks_http2(stream)).await.map_err(|_| OpenError::Timeout)?;
                seen.map_err(OpenError::Unreadable)?
            }
        };
        Ok(Opened { stream, is_http2, peer })
    }

    /// Whom the connection is from, and the handshake.
    async fn introduce(&self, mut stream: TcpStream, opener: IpAddr) -> Result<(Stream, Peer), OpenError> {
        let told = if self.is_load_balancer(opener) {
            proxy_protocol::take(&mut stream).await.map_err(OpenError::ProxyHeader)?
        } else {
            None
        };
        let peer = Peer { source: told.unwrap_or(opener) };
        let Some(acceptor) = self.tls.acceptor()? else { return Ok((Stream::Clear(stream), peer)) };
        let stream = acceptor.accept(stream).await.map_err(OpenError::Handshake)?;
        Ok((Stream::Encrypted(Box::new(stream)), peer))
    }

    fn is_load_balancer(&self, opener: IpAddr) -> bool {
        let policy = self.standing.as_ref().and_then(|standing| standing.adopted());
        policy.is_some_and(|policy| policy.door().edge.proxy_protocol.iter().any(|range| range.contains(opener)))
    }
}

/// Looks at the first bytes without taking them.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut bytes = [0; HTTP2.len()];
    loop {
        let length = stream.peek(&mut bytes).await?;
        let seen = bytes.get(..length).unwrap_or_default();
        if seen == HTTP2 {
            return Ok(true);
        }
        if seen.is_empty() || !HTTP2.starts_with(seen) {
            return Ok(false);
        }
        sleep(PEEK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{net::TcpListener, time::Instant};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_does_not_begin_is_given_up() {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = signed.signing_key.serialize_pem().into_bytes().into();
        let tls = Tls::default();
        tls.offer(&TlsFiles { certificate: signed.cert.pem().into(), key }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let started = Instant::now();
        let opened = Transport { tls, standing: None }.open(stream, Ipv4Addr::LOCALHOST.into()).await;
        assert!(matches!(opened, Err(OpenError::Timeout)));
        assert!(started.elapsed() >= HANDSHAKE_TIMEOUT && started.elapsed() < HANDSHAKE_TIMEOUT * 2);
    }
}
