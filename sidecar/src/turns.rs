//! A stream that lets others have their turn.
//!
//! A frame of HTTP/2 may be nine bytes, and all that have come are handled before anything else on the thread is. Whoever floods a
//! connection with them would keep everybody on the same thread waiting.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::TURN_BYTES_MAX;

/// A stream of which so much is read at a time, and no more before all others on the thread had their turn.
pub(crate) struct Turns<I> {
    stream: I,
    read: usize,
}

// === impl Turns ===

impl<I> Turns<I> {
    pub(crate) fn new(stream: I) -> Self {
        Self { stream, read: 0 }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Turns<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read >= TURN_BYTES_MAX {
            self.read = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.read = if polled.is_pending() { 0 } else { self.read + buffer.filled().len() - before };
        polled
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Turns<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn others_have_their_turn_while_there_is_always_more_to_read() {
        let mut endless = Turns::new(tokio::io::join(tokio::io::repeat(0), tokio::io::sink()));
        let (sent, received) = tokio::sync::oneshot::channel();
        let reading = tokio::spawn(async move {
            let mut bytes = vec![0; TURN_BYTES_MAX];
            loop {
                endless.read_exact(&mut bytes).await.unwrap();
            }
        });
        tokio::spawn(async { sent.send(()).unwrap() });
        received.await.unwrap();
        reading.abort();
    }
}
