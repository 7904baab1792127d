//! Connections within a bound. When there is no more room, whoever has asked for nothing for longest makes way.
//!
//! ```text
//! accepted ──▶ idle ──request──▶ working ──part of an answer──▶ sending ──answer taken──▶ idle, at the end of the line
//!               │                   ▲                              │ caller takes the part
//!               │                   └──────────────────────────────┤
//!               └── 1. idle for longest                            └── 2. stuck for longest, after `SENDING_STALL_TIMEOUT`
//!                          both: told to leave when there is no room for somebody at the door
//! ```
//!
//! Without this, whoever opens enough connections and says nothing on them keeps everybody else out; so does whoever asks,
//! and then takes no answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use crate::{
    answer::{Answer, Body, BodyError},
    limits::{SENDING_CHECK_INTERVAL, SENDING_STALL_TIMEOUT},
};

/// Everybody who is connected to one listener.
pub(crate) struct Crowd {
    room: Arc<Semaphore>,
    line: Mutex<Line>,
}

/// One connection. It gives its room back when dropped.
pub(crate) struct Member {
    crowd: Arc<Crowd>,
    /// Locked before the line, never after it.
    standing: Mutex<Standing>,
    leave: Arc<Notify>,
    _room: OwnedSemaphorePermit,
}

/// A request of a member, until its answer has been sent or given up.
pub(crate) struct Request {
    member: Arc<Member>,
    /// Whether it is for the caller to take what there is of the answer.
    is_sending: bool,
}

/// What a member's requests wait for, and its place in the line. It has one exactly while nothing is for us to do.
#[derive(Default)]
struct Standing {
    /// Requests so far.
    begun: u64,
    /// Requests that wait for us or the engine.
    working: usize,
    /// Requests that wait for the caller to take a part of the answer.
    sending: usize,
    place: Option<u64>,
}

/// Those who could make way, by their place in the line, and those for whom they would.
#[derive(Default)]
struct Line {
    next: u64,
    idle: BTreeMap<u64, Arc<Notify>>,
    /// With the time since when nothing has been taken.
    sending: BTreeMap<u64, (Instant, Arc<Notify>)>,
    /// Told to leave, and not gone yet.
    leaving: BTreeSet<u64>,
    /// At the door, without room.
    newcomers: usize,
}

/// Somebody at the door, until there is room or they are gone.
struct Newcomer<'a>(&'a Crowd);

/// An answer's body, and the request that it answers.
struct Answering {
    body: Body,
    request: Request,
}

// === impl Crowd ===

impl Crowd {
    pub(crate) fn new(members_max: usize) -> Arc<Self> {
        Arc::new(Self { room: Arc::new(Semaphore::new(members_max)), line: Mutex::default() })
    }

    /// Room for one more, which somebody may have to make, now or as soon as somebody can. Nobody makes way for whom there
    /// is something for us to do.
    pub(crate) async fn enter(self: &Arc<Self>) -> Option<Arc<Member>> {
        let room = if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() { room } else { self.wait().await? };
        let crowd = Arc::clone(self);
        let member = Member { crowd, standing: Mutex::default(), leave: Arc::new(Notify::new()), _room: room };
        member.change(|_| {});
        Some(Arc::new(member))
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let _newcomer = Newcomer::at_the_door_of(self);
        let room = Arc::clone(&self.room).acquire_owned();
        tokio::pin!(room);
        loop {
            locked(&self.line).make_way();
            // Nobody tells when an answer has been stuck for long enough.
            if let Ok(room) = timeout(SENDING_CHECK_INTERVAL, &mut room).await {
                return room.ok();
            }
        }
    }
}

// === impl Member ===

impl Member {
    /// Out of the line for as long as the request is for us to work on.
    pub(crate) fn begin(self: &Arc<Self>) -> Request {
        self.change(|standing| {
            standing.begun += 1;
            standing.working += 1;
        });
        Request { member: Arc::clone(self), is_sending: false }
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        locked(&self.standing).begun
    }

    /// Whether every request so far has been answered, and the answer taken.
    pub(crate) fn is_idle(&self) -> bool {
        let standing = locked(&self.standing);
        standing.working == 0 && standing.sending == 0
    }

    /// Ready when somebody else needs the room more.
    pub(crate) async fn told_to_leave(&self) {
        loop {
            self.leave.notified().await;
            // Whoever got something to do in the meantime stays; the next in the line was asked instead.
            let standing = locked(&self.standing);
            if standing.place.is_some_and(|place| locked(&self.crowd.line).leaving.contains(&place)) {
                return;
            }
        }
    }

    /// Counts and place change together: requests of one connection are served by several tasks.
    fn change(&self, change: impl FnOnce(&mut Standing)) {
        let mut standing = locked(&self.standing);
        let was_working = standing.working > 0;
        change(&mut standing);
        if was_working && standing.working > 0 {
            return;
        }
        let mut line = locked(&self.crowd.line);
        line.step_out(standing.place.take());
        if standing.working == 0 {
            standing.place = Some(line.line_up(&self.leave, standing.sending > 0));
        }
        line.make_way();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        locked(&self.crowd.line).step_out(locked(&self.standing).place.take());
    }
}

// === impl Request ===

impl Request {
    /// Lasts until the answer has been sent.
    pub(crate) fn until_sent(mut self, answer: Answer) -> Answer {
        self.is_for_the_caller(true);
        answer.map(|body| Answering { body, request: self }.boxed_unsync())
    }

    fn is_for_the_caller(&mut self, is_sending: bool) {
        match (self.is_sending, is_sending) {
            (false, true) => self
                .member
                .change(|standing| (standing.working, standing.sending) = (standing.working - 1, standing.sending + 1)),
            (true, false) => self
                .member
                .change(|standing| (standing.working, standing.sending) = (standing.working + 1, standing.sending - 1)),
            _ => {}
        }
        self.is_sending = is_sending;
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let is_sending = self.is_sending;
        self.member.change(|standing| if is_sending { standing.sending -= 1 } else { standing.working -= 1 });
    }
}

// === impl Line ===

impl Line {
    fn line_up(&mut self, leave: &Arc<Notify>, is_sending: bool) -> u64 {
        let place = self.next;
        self.next += 1;
        if is_sending {
            self.sending.insert(place, (Instant::now(), Arc::clone(leave)));
        } else {
            self.idle.insert(place, Arc::clone(leave));
        }
        place
    }

    fn step_out(&mut self, place: Option<u64>) {
        let Some(place) = place else { return };
        self.idle.remove(&place);
        self.sending.remove(&place);
        self.leaving.remove(&place);
    }

    /// Tells one to leave, if somebody is at the door for whom nobody has been told yet.
    fn make_way(&mut self) {
        if self.leaving.len() >= self.newcomers {
            return;
        }
        let told = self.idle.pop_first().or_else(|| {
            let stuck = self.sending.first_entry().filter(|stuck| stuck.get().0.elapsed() >= SENDING_STALL_TIMEOUT)?;
            let (place, (_, leave)) = stuck.remove_entry();
            Some((place, leave))
        });
        if let Some((place, leave)) = told {
            self.leaving.insert(place);
            leave.notify_one();
        }
    }
}

// === impl Newcomer ===

impl<'a> Newcomer<'a> {
    fn at_the_door_of(crowd: &'a Crowd) -> Self {
        locked(&crowd.line).newcomers += 1;
        Self(crowd)
    }
}

impl Drop for Newcomer<'_> {
    fn drop(&mut self) {
        locked(&self.0.line).newcomers -= 1;
    }
}

// === impl Answering ===

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = BodyError;

    /// Asked for only when the caller has taken enough of what there was before.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.request.is_for_the_caller(false);
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.request.is_for_the_caller(polled.is_ready());
        polled
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

    use super::*;
    use crate::answer::full;

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
        let line = locked(&crowd.line);
        let left_behind = (line.idle.len(), line.sending.len(), line.leaving.len(), line.newcomers);
        assert_eq!(left_behind, (0, 0, 0, 0), "nobody is left behind in the line");
    }

    #[tokio::test]
    async fn whoever_is_done_is_told_when_somebody_was_already_at_the_door() {
        let crowd = Crowd::new(1);
        let only = crowd.enter().await.unwrap();
        let request = only.begin();
        let next = tokio::spawn({
            let crowd = Arc::clone(&crowd);
            async move { crowd.enter().await.unwrap() }
        });
        assert!(!is_told(&only).await && !next.is_finished());
        drop(request);
        assert!(is_told(&only).await);
        drop(only);
        next.await.unwrap();
    }

    #[tokio::test]
    async fn whoever_asks_for_something_after_being_told_stays_and_the_next_in_line_is_told() {
        let crowd = Crowd::new(2);
        let (first, second) = (crowd.enter().await.unwrap(), crowd.enter().await.unwrap());
        let mut third = Box::pin(crowd.enter());
        assert!(timeout(SOON, &mut third).await.is_err());
        let request = first.begin();
        assert!(!is_told(&first).await && is_told(&second).await);
        drop((request, second));
        third.await.unwrap();
        assert!(!is_told(&first).await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn requests_of_one_connection_in_many_tasks_leave_it_in_the_line_exactly_once() {
        let crowd = Crowd::new(1);
        let only = crowd.enter().await.unwrap();
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let only = Arc::clone(&only);
                tokio::task::spawn_blocking(move || (0..50_000).for_each(|_| drop(only.begin())))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(
            locked(&crowd.line).idle.keys().copied().collect::<Vec<_>>(),
            [locked(&only.standing).place.unwrap()]
        );
        let request = only.begin();
        assert!(locked(&crowd.line).idle.is_empty(), "busy, so not in the line");
        drop(request);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_of_an_answer_makes_way_after_a_while_and_whoever_takes_it_does_not() {
        let crowd = Crowd::new(2);
        let (stuck, taking) = (crowd.enter().await.unwrap(), crowd.enter().await.unwrap());
        let answer = |member: &Arc<Member>| member.begin().until_sent(Answer::new(full(Bytes::from_static(b"answer"))));
        let (_unread, mut read) = (answer(&stuck), answer(&taking));
        let mut next = Box::pin(crowd.enter());
        assert!(timeout(SENDING_STALL_TIMEOUT / 2, &mut next).await.is_err());
        read.body_mut().frame().await.unwrap().unwrap();
        assert!(!is_told(&stuck).await, "it may only be slow");
        assert!(timeout(SENDING_STALL_TIMEOUT / 2 + SENDING_CHECK_INTERVAL, &mut next).await.is_err());
        assert!(is_told(&stuck).await && !is_told(&taking).await);
    }
}
