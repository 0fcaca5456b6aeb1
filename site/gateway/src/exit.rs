//! Exit codes, as `--help` documents them.
//!
//! Out: one constant each. Never more than one meaning per code.

/// Something failed while running; the last line on stderr says what.
pub const FAILURE: u8 = 1;
/// The configuration cannot be used (`EX_CONFIG` of sysexits.h); the unit file does not restart on it.
pub const CONFIG: u8 = 78;
/// A child's code: the port went away. Never the gateway's own.
pub const PORT_GONE: u8 = 3;
/// A child's code: the spool cannot be used (disk full, read-only, failing). Never the gateway's own.
pub const SPOOL: u8 = 4;

/// The sandbox cannot be put up, and the gateway does not run without it unless told to.
pub const UNLOCKED: u8 = 5;

/// For `--help`.
pub const HELP: &str = "Exit codes:
  0   ended by SIGTERM or SIGINT; with --check: everything is in order
  1   failed while running; the last line on stderr says what and what to do
  2   wrong arguments
  5   the sandbox cannot be put up; the last lines say why
  78  the configuration, or a file it names, cannot be used; the message names file and key";
