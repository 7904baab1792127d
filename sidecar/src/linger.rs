//! A request body that is read to its end, within limits, even when nobody wants it.
//!
//! A connection that is closed while its caller is still sending is reset, and the caller loses the answer that says why.
//!
//! A body in chunks ends where it says so itself, and callers and proxies before us may think that it ended elsewhere. So
//! the connection of one that was not read to a clean end is not used again.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{
    Request,
    header::{EXPECT, TRANSFER_ENCODING},
};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    http1::BodyEnd,
    limits::{LINGER_BYTES_MAX, LINGER_TIMEOUT},
};

/// A request body that is read to its end.
pub(crate) struct Lingering {
    /// Absent once it has ended.
    body: Option<Incoming>,
    /// A caller who asks before sending is answered instead.
    is_sent_unasked: bool,
    ending: Ending,
    /// Told when the body has been read to its end.
    end: Option<BodyEnd>,
}

/// Whether it is known where a body ended.
#[derive(Clone)]
pub(crate) struct Ending {
    is_known: Arc<AtomicBool>,
}

/// Why a body is not passed on to its end. The caller is at fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyReadError {
    #[error("the body broke off or is malformed")]
    Broken(#[source] hyper::Error),
    /// Nobody behind us reads them, and hyper takes a trailer section with a bare LF for longer than it is.
    #[error("the body has trailers")]
    Trailers,
}

// === impl Lingering ===

impl Lingering {
    pub(crate) fn wrap(mut request: Request<Incoming>) -> (Request<Self>, Ending) {
        let end = request.extensions_mut().remove();
        let is_sent_unasked = !request.headers().contains_key(EXPECT);
        let is_in_chunks = request.headers().contains_key(TRANSFER_ENCODING);
        let ending = Ending { is_known: Arc::new(AtomicBool::new(!is_in_chunks)) };
        (request.map(|body| Self { body: Some(body), is_sent_unasked, ending: ending.clone(), end }), ending)
    }
}

// === impl Ending ===

impl Ending {
    /// Whether the next request on the connection begins beyond doubt.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Acquire)
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = BodyReadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyReadError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let read = match ready!(Pin::new(body).poll_frame(context)) {
            Some(Ok(frame)) if frame.is_data() => return Poll::Ready(Some(Ok(frame))),
            Some(Ok(_)) => Some(Err(BodyReadError::Trailers)),
            Some(Err(error)) => Some(Err(BodyReadError::Broken(error))),
            None => {
                self.ending.is_known.store(true, Ordering::Release);
                if let Some(end) = &self.end {
                    end.set(true);
                }
                None
            }
        };
        self.body = None;
        Poll::Ready(read)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if body.is_end_stream() {
            if let Some(end) = &self.end {
                end.set(true);
            }
        } else if self.is_sent_unasked
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(LINGER_TIMEOUT, read_out(body, self.end.take())));
        }
    }
}

async fn read_out(mut body: Incoming, end: Option<BodyEnd>) {
    let mut left = LINGER_BYTES_MAX;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return };
        let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = less;
    }
    if let Some(end) = end {
        end.set(true);
    }
}
