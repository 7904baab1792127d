//! Conditions as the API server keeps them: a time of transition that moves only with the status.

use cubegate_api::condition::{ConditionType, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::limits::MESSAGE_BYTES_MAX;

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `True` or `False`.
    pub holds: bool,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, and what to do.
    pub message: String,
}

impl Verdict {
    /// It holds.
    pub fn yes(reason: Reason, message: impl Into<String>) -> Self {
        Self { holds: true, reason, message: message.into() }
    }

    /// It does not hold.
    pub fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self { holds: false, reason, message: message.into() }
    }
}

/// The conditions of an object of this generation, given those that it carries.
pub fn conditions(
    verdicts: impl IntoIterator<Item = (ConditionType, Verdict)>,
    generation: i64,
    carried: &[Condition],
    now: &Time,
) -> Vec<Condition> {
    let condition = |(kind, verdict): (ConditionType, Verdict)| {
        let status = if verdict.holds { "True" } else { "False" };
        let earlier = carried.iter().find(|carried| carried.type_ == kind.as_str() && carried.status == status);
        Condition {
            type_: kind.as_str().to_owned(),
            status: status.to_owned(),
            reason: verdict.reason.as_str().to_owned(),
            message: shortened(verdict.message),
            observed_generation: Some(generation),
            last_transition_time: earlier.map_or_else(|| now.clone(), |earlier| earlier.last_transition_time.clone()),
        }
    };
    verdicts.into_iter().map(condition).collect()
}

fn shortened(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64) -> Time {
        Time(k8s_openapi::jiff::Timestamp::from_second(seconds).unwrap())
    }

    fn programmed(verdict: Verdict, carried: &[Condition], seconds: i64) -> Condition {
        conditions([(ConditionType::Programmed, verdict)], 2, carried, &time(seconds)).remove(0)
    }

    #[test]
    fn the_time_of_transition_moves_with_the_status_and_with_nothing_else() {
        let pending = programmed(Verdict::no(Reason::Pending, "a"), &[], 1);
        let still = programmed(Verdict::no(Reason::NoReadyPods, "b"), std::slice::from_ref(&pending), 2);
        assert_eq!(still.last_transition_time, time(1));
        let enforced = programmed(Verdict::yes(Reason::Enforced, "c"), &[still], 3);
        assert_eq!(enforced.last_transition_time, time(3));
    }

    #[test]
    fn a_message_is_never_longer_than_the_api_server_takes() {
        let message = programmed(Verdict::no(Reason::Invalid, "é".repeat(20_000)), &[], 1).message;
        assert!(message.len() <= MESSAGE_BYTES_MAX + '…'.len_utf8() && message.ends_with("é…"));
    }
}
