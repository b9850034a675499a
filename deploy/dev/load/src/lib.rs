//! An open load: requests arrive at a fixed rate, whatever becomes of those before. The fault tests and the bench share it.

pub mod client;
mod clock;
pub mod load;
