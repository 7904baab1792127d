//! HTTP/1.1 on one connection, which rests while nothing is asked for.
//!
//! ```text
//! resting ──first byte──▶ serving ──nothing asked for, everything sent──▶ resting
//!    └── nothing for too long, or told to stop: closed
//! ```
//!
//! hyper keeps its buffers, more than 8 KiB, for as long as a connection is open, and most connections wait most of the time. A
//! resting one is taken out of hyper, and keeps its stream only.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::Request;
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1::{Builder, Parts},
    service::{Service, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    answer::Answer,
    crowd::Member,
    limits::{HEAD_BYTES_MAX, HEAD_READ_TIMEOUT, REST_CHECK_INTERVAL},
};

/// Whether the body of a connection's newest request has been read to its end. Until then what arrives is not the next
/// request, and only hyper knows what it is.
#[derive(Clone)]
pub(crate) struct BodyEnd(Arc<AtomicBool>);

/// A stream of which the beginning has been read already, and that knows whether what was written has left.
struct Watched<I> {
    stream: I,
    beginning: Bytes,
    is_behind: Arc<AtomicBool>,
}

/// Serves requests until the caller leaves, asks for nothing for too long, or `stop` says so.
pub(crate) async fn serve<I, S>(
    stream: I,
    member: &Member,
    mut stop: watch::Receiver<bool>,
    service: S,
) -> Result<(), hyper::Error>
where
    I: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Answer, Error = Infallible>,
    S::Future: Unpin,
{
    let body_end = BodyEnd::reached();
    let newest = body_end.clone();
    let mut service = service_fn(move |mut request: Request<Incoming>| {
        newest.set(request.body().is_end_stream());
        request.extensions_mut().insert(newest.clone());
        service.call(request)
    });
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_header_size(HEAD_BYTES_MAX);
    let is_behind = Arc::new(AtomicBool::new(false));
    let mut watched = Watched { stream, beginning: Bytes::new(), is_behind: Arc::clone(&is_behind) };
    let mut asked = member.requests();
    let mut waiting_since = Instant::now();
    loop {
        // Taking it out of hyper again and again would parse what has come of a head anew each time.
        let has_begun = !watched.beginning.is_empty();
        if !has_begun {
            let first = tokio::select! {
                first = timeout_at(waiting_since + HEAD_READ_TIMEOUT, watched.first_byte()) => first,
                _ = stop.wait_for(|is_stopped| *is_stopped) => return Ok(()),
            };
            let Ok(Some(byte)) = first else { return Ok(()) };
            watched.beginning = Bytes::copy_from_slice(&[byte]);
        }
        // In a box, which a resting connection does without.
        let mut connection = Box::new(builder.serve_connection(TokioIo::new(watched), service));
        let (mut may_rest, mut is_stopping) = (!has_begun, false);
        loop {
            tokio::select! {
                biased;
                served = &mut *connection => return served,
                _ = stop.wait_for(|is_stopped| *is_stopped), if !is_stopping => {
                    is_stopping = true;
                    Pin::new(&mut *connection).graceful_shutdown();
                }
                () = sleep(REST_CHECK_INTERVAL) => {
                    let requests = member.requests();
                    let is_at_rest = member.is_idle() && body_end.is_reached() && !is_behind.load(Ordering::Relaxed);
                    may_rest |= requests != asked;
                    if requests != asked || !is_at_rest {
                        (asked, waiting_since) = (requests, Instant::now());
                    } else if waiting_since.elapsed() > HEAD_READ_TIMEOUT {
                        return Ok(());
                    } else if may_rest && !is_stopping {
                        break;
                    }
                }
            }
        }
        let Parts { io, read_buf, service: taken_back, .. } = connection.into_parts();
        service = taken_back;
        watched = io.into_inner();
        // A head that has begun goes on where it was.
        watched.beginning = read_buf;
    }
}

// === impl BodyEnd ===

impl BodyEnd {
    fn reached() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    pub(crate) fn set(&self, is_reached: bool) {
        self.0.store(is_reached, Ordering::Release);
    }

    fn is_reached(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

// === impl Watched ===

impl<I: AsyncRead + Unpin> Watched<I> {
    /// Nothing if the caller has left.
    async fn first_byte(&mut self) -> Option<u8> {
        self.stream.read_u8().await.ok()
    }
}

impl<I: AsyncWrite + Unpin> Watched<I> {
    fn note(&self, written: Poll<io::Result<usize>>, offered: usize) -> Poll<io::Result<usize>> {
        let is_behind = !matches!(written, Poll::Ready(Ok(count)) if count == offered);
        self.is_behind.store(is_behind, Ordering::Relaxed);
        written
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.beginning.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.beginning.len().min(buffer.remaining());
        buffer.put_slice(self.beginning.get(..length).unwrap_or_default());
        self.beginning.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(written, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.is_behind.store(flushed.is_pending(), Ordering::Relaxed);
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever closes has nothing more to read, however long the end takes to leave.
        self.is_behind.store(true, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use tokio::{
        io::{AsyncWriteExt as _, DuplexStream, duplex},
        task::JoinHandle,
    };

    use super::*;
    use crate::{answer::typed, crowd::Crowd, linger::Lingering};

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n";
    /// More than enough time to rest.
    const PAUSE: Duration = REST_CHECK_INTERVAL.saturating_mul(4);

    struct Served {
        caller: DuplexStream,
        stop: watch::Sender<bool>,
        task: JoinHandle<Result<(), hyper::Error>>,
    }

    /// A caller to whom every request is answered with a body of so many bytes, over a stream that holds a few of them.
    async fn serving(answer_bytes: usize) -> Served {
        let (caller, stream) = duplex(256);
        let member = Crowd::new(1).enter().await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let asked = Arc::clone(&member);
            let service = service_fn(move |request| {
                let begun = asked.begin();
                Box::pin(async move {
                    // Read by nobody, as a refused body is.
                    drop(Lingering::wrap(request));
                    Ok(begun.until_sent(typed(StatusCode::OK, "text/plain", "x".repeat(answer_bytes))))
                })
            });
            serve(stream, &member, stopped, service).await
        });
        Served { caller, stop, task }
    }

    impl Served {
        async fn says(&mut self, bytes: &[u8]) {
            self.caller.write_all(bytes).await.unwrap();
        }

        /// How many answers there are within a while.
        async fn hears(&mut self) -> usize {
            let mut heard = Vec::new();
            let _ = tokio::time::timeout(PAUSE, self.caller.read_to_end(&mut heard)).await;
            String::from_utf8(heard).unwrap().matches("HTTP/1.1 200 OK").count()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_answered_after_a_rest_as_before() {
        let mut served = serving(10).await;
        for _ in 0..3 {
            served.says(GET).await;
            assert_eq!(served.hears().await, 1);
            tokio::time::sleep(PAUSE).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_has_begun_goes_on_after_any_number_of_looks() {
        let mut served = serving(10).await;
        served.says(GET).await;
        assert_eq!(served.hears().await, 1);
        for piece in GET.chunks(5) {
            served.says(piece).await;
            tokio::time::sleep(PAUSE).await;
        }
        assert_eq!(served.hears().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_ends_does_not_keep_a_connection() {
        let mut served = serving(10).await;
        served.says(b"GET / HT").await;
        tokio::time::sleep(HEAD_READ_TIMEOUT * 2).await;
        assert!(served.task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_taken_slowly_is_taken_whole() {
        let mut served = serving(100_000).await;
        served.says(GET).await;
        let mut taken = vec![0; 100_000];
        for piece in taken.chunks_mut(5000) {
            tokio::time::sleep(PAUSE).await;
            served.caller.read_exact(piece).await.unwrap();
        }
        assert!(taken.ends_with(b"xxx"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_body_is_no_request() {
        let mut served = serving(10).await;
        served.says(POST).await;
        assert_eq!(served.hears().await, 1, "answered before its body has come");
        tokio::time::sleep(PAUSE).await;
        served.says(b"GET /x").await;
        served.says(GET).await;
        assert_eq!(served.hears().await, 1, "the body is over, and a request has come");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_rests_ends_when_told_and_when_nothing_has_been_asked_for_too_long() {
        let mut served = serving(10).await;
        served.says(GET).await;
        assert_eq!(served.hears().await, 1);
        tokio::time::sleep(PAUSE).await;
        assert!(!served.task.is_finished());
        served.stop.send_replace(true);
        tokio::time::sleep(PAUSE).await;
        assert!(served.task.is_finished());

        let mut silent = serving(10).await;
        silent.says(GET).await;
        assert_eq!(silent.hears().await, 1);
        tokio::time::sleep(HEAD_READ_TIMEOUT + PAUSE).await;
        assert!(silent.task.is_finished());
    }
}
