//! From `notBefore` and `notAfter` to a [`Validity`].

use cubegate_api::Moment;

use super::problem::{ProblemKind, Problems};
use crate::{snapshot::ObjectName, validity::Validity};

pub(super) fn compile(
    object: &ObjectName,
    not_before: Option<Moment>,
    not_after: Option<Moment>,
    problems: &mut Problems,
) -> Validity {
    let validity = Validity { not_before, not_after };
    if validity.is_empty() {
        let message = "`notAfter` is later than `notBefore`: there is no moment in between otherwise";
        problems.report(object, ProblemKind::Invalid, "spec.notAfter", message);
    }
    validity
}
