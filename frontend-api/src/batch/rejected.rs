//! The outcomes that are not answers.

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected<E> {
    /// The queue was full, or the request waited so long that serving it would have been useless. The work was not begun.
    Full,
    /// The deadline passed.
    Late {
        /// Whether the work had begun. If not, it never will.
        in_flight: bool,
    },
    /// The task ended or dropped the batch.
    Lost {
        /// Whether the work had begun. If not, it never will.
        in_flight: bool,
    },
    /// The task reported this error.
    Failed(E),
}
