//! Connections within a bound. When there is no more room, whoever has asked for nothing for longest makes way.
//!
//! ```text
//! accepted ──▶ waiting ──request──▶ busy ──answer sent──▶ waiting, at the end of the line
//!                 └── oldest of those who wait, when there is no room: told to leave
//! ```
//!
//! Without this, whoever opens enough connections and says nothing on them keeps everybody else out.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::answer::{Answer, Body, BodyError};

/// Everybody who is connected to one listener.
pub(crate) struct Crowd {
    room: Arc<Semaphore>,
    line: Mutex<Line>,
}

/// One connection. It gives its room back when dropped.
pub(crate) struct Member {
    crowd: Arc<Crowd>,
    place: Mutex<Option<u64>>,
    /// Requests whose answers have not been sent yet.
    requests: AtomicUsize,
    leave: Arc<Notify>,
    _room: OwnedSemaphorePermit,
}

/// A request of a member, until its answer has been sent or given up.
pub(crate) struct Request(Arc<Member>);

/// Those who wait, by their place in the line.
#[derive(Default)]
struct Line {
    next: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

/// An answer's body, and the request that it answers.
struct Answering {
    body: Body,
    _request: Request,
}

// === impl Crowd ===

impl Crowd {
    pub(crate) fn new(members_max: usize) -> Arc<Self> {
        Arc::new(Self { room: Arc::new(Semaphore::new(members_max)), line: Mutex::default() })
    }

    /// Room for one more, which somebody may have to make. Nobody makes way while everybody is busy.
    pub(crate) async fn enter(self: &Arc<Self>) -> Option<Arc<Member>> {
        let room = if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            room
        } else {
            self.ask_the_oldest_to_leave();
            Arc::clone(&self.room).acquire_owned().await.ok()?
        };
        let leave = Arc::new(Notify::new());
        let place = Mutex::new(Some(self.line_up(&leave)));
        let (crowd, requests) = (Arc::clone(self), AtomicUsize::new(0));
        Some(Arc::new(Member { crowd, place, requests, leave, _room: room }))
    }

    fn ask_the_oldest_to_leave(&self) {
        if let Some((_, leave)) = locked(&self.line).waiting.pop_first() {
            leave.notify_one();
        }
    }

    fn line_up(&self, leave: &Arc<Notify>) -> u64 {
        let mut line = locked(&self.line);
        let place = line.next;
        line.next += 1;
        line.waiting.insert(place, Arc::clone(leave));
        place
    }
}

// === impl Member ===

impl Member {
    /// Out of the line for as long as the request lasts.
    pub(crate) fn begin(self: &Arc<Self>) -> Request {
        if self.requests.fetch_add(1, Ordering::AcqRel) == 0 {
            self.step_out();
        }
        Request(Arc::clone(self))
    }

    /// Ready when somebody else needs the room more.
    pub(crate) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }

    fn step_out(&self) {
        if let Some(place) = locked(&self.place).take() {
            locked(&self.crowd.line).waiting.remove(&place);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.step_out();
    }
}

// === impl Request ===

impl Request {
    /// Lasts until the answer has been sent.
    pub(crate) fn until_sent(self, answer: Answer) -> Answer {
        answer.map(|body| Answering { body, _request: self }.boxed_unsync())
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let member = &self.0;
        if member.requests.fetch_sub(1, Ordering::AcqRel) == 1 {
            *locked(&member.place) = Some(member.crowd.line_up(&member.leave));
        }
    }
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    async fn is_told(member: &Member) -> bool {
        timeout(SOON, member.told_to_leave()).await.is_ok()
    }

    #[tokio::test]
    async fn the_one_who_has_waited_longest_makes_way_and_only_when_there_is_no_room() {
        let crowd = Crowd::new(2);
        let (first, second) = (crowd.enter().await.unwrap(), crowd.enter().await.unwrap());
        assert!(!is_told(&first).await && !is_told(&second).await);
        let third = tokio::spawn({
            let crowd = Arc::clone(&crowd);
            async move { crowd.enter().await.unwrap() }
        });
        assert!(is_told(&first).await);
        assert!(!is_told(&second).await && !third.is_finished());
        drop(first);
        let third = third.await.unwrap();
        assert!(!is_told(&second).await && !is_told(&third).await);
    }

    #[tokio::test]
    async fn whoever_is_busy_stays_and_lines_up_anew_afterwards() {
        let crowd = Crowd::new(2);
        let (first, second) = (crowd.enter().await.unwrap(), crowd.enter().await.unwrap());
        let (request, another) = (first.begin(), first.begin());
        drop(another);
        assert!(timeout(SOON, crowd.enter()).await.is_err(), "nobody has left yet");
        assert!(is_told(&second).await && !is_told(&first).await);
        drop(second);
        let third = crowd.enter().await.unwrap();
        drop(request);
        assert!(timeout(SOON, crowd.enter()).await.is_err());
        assert!(is_told(&third).await, "the first asked for something after the third came");
    }

    #[tokio::test]
    async fn while_all_are_busy_the_next_one_waits() {
        let crowd = Crowd::new(1);
        let only = crowd.enter().await.unwrap();
        let request = only.begin();
        assert!(timeout(SOON, crowd.enter()).await.is_err());
        assert!(!is_told(&only).await);
        drop((request, only));
        assert!(crowd.enter().await.is_some());
        assert_eq!(locked(&crowd.line).waiting.len(), 0, "nobody is left behind in the line");
    }
}
