//! Hot deploy as a user has it: a host that runs, the command line beside it, and clients in front. One file per subject,
//! what is refused first.

mod candidates;
mod refusals;
mod release;
mod restarts;
mod stage;
mod swaps;
mod told;
mod visitor;
mod watch;
