//! Single requests, for what wrk is not for: logging in, streaming, holding connections.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result};

/// An answer's head, and the start of its body.
pub(crate) struct Head(pub(crate) String);

const PATIENCE: Duration = Duration::from_secs(10);

/// A GET on a connection of its own, read to its end.
pub(crate) fn get(address: SocketAddr, target: &str, headers: &str) -> Result<Head> {
    let mut stream = open(address)?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n")?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text).with_context(|| format!("no answer to {target}"))?;
    Ok(Head(String::from_utf8_lossy(&text).into_owned()))
}

/// A connection on which one request has been answered, kept open.
pub(crate) fn held(address: SocketAddr, headers: &str) -> Result<TcpStream> {
    let mut stream = open(address)?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n")?;
    let mut buffer = [0; 4096];
    stream.read(&mut buffer).context("no answer on a connection to be held")?;
    Ok(stream)
}

/// Reads a large answer and counts its bytes.
pub(crate) fn stream(address: SocketAddr, target: &str, headers: &str) -> Result<u64> {
    let mut stream = open(address)?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n")?;
    let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(bytes),
            read => bytes += read as u64,
        }
    }
}

fn open(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

// === impl Head ===

impl Head {
    pub(crate) fn status(&self) -> u16 {
        self.0.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// Name and value of each cookie that is set.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers("set-cookie")
            .filter_map(|cookie| cookie.split(';').next())
            .filter(|pair| !pair.ends_with('='))
            .collect()
    }

    fn headers<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.0.split("\r\n").take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
        lines.filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    }
}
