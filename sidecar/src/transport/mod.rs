//! From an accepted TCP connection to one that HTTP is spoken on.
//!
//! ```text
//! accepted ──▶ TLS handshake, where the Session has TLS ──▶ HTTP/1.1 or HTTP/2
//! ```

mod certificate;
mod stream;
mod tls;

use std::io;

use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

pub(crate) use self::stream::Stream;
pub use self::tls::{Tls, TlsError, TlsFiles};
use crate::limits::{HANDSHAKE_TIMEOUT, HEAD_READ_TIMEOUT, PEEK_INTERVAL};

/// First bytes of a connection that speaks HTTP/2; no HTTP/1 method begins so.
const HTTP2: &[u8] = b"PRI";
/// HTTP/2 as a handshake agrees on it (RFC 9113 §3.2).
const ALPN_HTTP2: &[u8] = b"h2";

/// How the connections of one listener are opened.
#[derive(Clone, Default)]
pub(crate) struct Transport {
    tls: Tls,
}

/// A connection on which HTTP is spoken.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    pub(crate) is_http2: bool,
}

/// Why a connection is closed before a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
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
    pub(crate) fn new(tls: Tls) -> Self {
        Self { tls }
    }

    /// Whatever comes before the first request.
    pub(crate) async fn open(&self, stream: TcpStream) -> Result<Opened, OpenError> {
        let Some(acceptor) = self.tls.acceptor()? else {
            let is_http2 = timeout(HEAD_READ_TIMEOUT, speaks_http2(&stream)).await.map_err(|_| OpenError::Timeout)?;
            return Ok(Opened { is_http2: is_http2.map_err(OpenError::Unreadable)?, stream: Stream::Clear(stream) });
        };
        let shaken = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await.map_err(|_| OpenError::Timeout)?;
        let stream = shaken.map_err(OpenError::Handshake)?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2);
        Ok(Opened { stream: Stream::Encrypted(Box::new(stream)), is_http2 })
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
        let opened = Transport::new(tls).open(stream).await;
        assert!(matches!(opened, Err(OpenError::Timeout)));
        assert!(started.elapsed() >= HANDSHAKE_TIMEOUT && started.elapsed() < HANDSHAKE_TIMEOUT * 2);
    }
}
