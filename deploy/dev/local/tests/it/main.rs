//! `local` as a process, with stand-ins for both services beside it.

mod run;
mod system;
