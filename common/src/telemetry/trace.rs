//! The trace to which a request belongs.

/// Travels with a request to the work that is done for it, which may be done for many requests at once.
///
/// It holds nothing yet: requests are not traced so far.
#[derive(Debug, Clone, Default)]
pub struct Context {
    _private: (),
}
