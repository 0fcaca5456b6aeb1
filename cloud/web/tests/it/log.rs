//! What the door writes to its log, by the thread of the test that made it write.

use std::cell::RefCell;
use std::io;
use std::sync::OnceLock;

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps from here on what `web` writes, each thread its own. As the real program has it, without times.
pub fn keep() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| {
        let filter = tracing_subscriber::EnvFilter::new("off,web=info");
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).without_time();
        log.with_ansi(false).with_writer(|| Writer).init();
    });
}

/// What was written on this thread since the last look.
pub fn lines() -> Vec<String> {
    let written = WRITTEN.with_borrow_mut(std::mem::take);
    String::from_utf8(written).unwrap().lines().map(|line| line.trim().to_owned()).collect()
}
