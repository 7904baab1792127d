//! A request body that is read to its end, within limits, even when nobody wants it.
//!
//! A connection that is closed while its caller is still sending is reset, and the caller loses the answer that says why.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, header::EXPECT};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::{runtime::Handle, time::timeout};

use crate::limits::{LINGER_BYTES_MAX, LINGER_TIMEOUT};

/// A request body that is read to its end.
pub(crate) struct Lingering {
    /// Absent once it has ended.
    body: Option<Incoming>,
    /// A caller who asks before sending is answered instead.
    is_sent_unasked: bool,
}

// === impl Lingering ===

impl Lingering {
    pub(crate) fn wrap(request: Request<Incoming>) -> Request<Self> {
        let is_sent_unasked = !request.headers().contains_key(EXPECT);
        request.map(|body| Self { body: Some(body), is_sent_unasked })
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
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
        let rest = self.body.take().filter(|body| self.is_sent_unasked && !body.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(timeout(LINGER_TIMEOUT, read_out(rest)));
        }
    }
}

async fn read_out(mut body: Incoming) {
    let mut left = LINGER_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = less;
    }
}
