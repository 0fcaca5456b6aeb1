//! The sending thread: one session after the other, with waits between them.
//!
//! In: the spool, the way to the cloud. Out: acknowledged records, the time, sentences. Never touches the pipe.

use rustix::event::{PollFd, PollFlags, poll};
use wire::Quality;

use super::back_off::BackOff;
use super::session::{self, End, InFlight, Session};
use super::tls::Tls;
use super::transport::Transport;
use super::{ConnectError, Shared, Way};
use crate::config::Config;
use crate::dating::Clock;
use crate::pack::MAX_RECORDS;
use crate::spool::record::{Kind, Loss};
use crate::{clock, status};

/// TCP, proxy, TLS, WebSocket and CONNECT together.
const HANDSHAKE_MS: u64 = 30_000;
/// The present clock is told from the cloud's only when it is this far off.
const CLOCK_TELL_MS: i64 = 2000;

/// Sends until the gateway stops, or until another start of this process would help.
pub fn send(config: &Config, shared: &Shared, way: &Way) {
    let mut back_off = BackOff::default();
    let mut limit_records = MAX_RECORDS;
    while !shared.is_stopping() {
        let sentence = match connect(config, shared, way) {
            Err(ConnectError::Resolve(name)) if resolver_is_out_of_reach() => {
                status::say(format_args!(
                    "The name {name} cannot be resolved: this machine's resolver was set up anew, and the uplink may not read that. It starts anew."
                ));
                return;
            }
            Err(error) => format!("Cannot reach {}: {error}.", config.cloud.url),
            Ok((transport, accepted)) => {
                shared.lock().wanted = true;
                let mut session = Session::new(shared, transport, accepted, limit_records);
                let end = session.run();
                if session.acknowledged {
                    back_off.reset();
                    limit_records = (limit_records * 2).min(MAX_RECORDS);
                }
                match end {
                    End::Stopping | End::Renew => continue,
                    End::TakenOver => {
                        back_off.taken_over();
                        "Another gateway uses this certificate and took the session over; give each gateway its own.".to_owned()
                    }
                    End::Broken(why) => format!("Lost {}: {why}.", config.cloud.url),
                    End::Refused { report, why } => {
                        back_off.reset();
                        limit_records = narrow(shared, &report);
                        format!("The cloud refused a report of {} records: {why}.", report.records)
                    }
                }
            }
        };
        let mut random = [0; 8];
        let _ = aws_lc_rs::rand::fill(&mut random);
        let wait_ms = back_off.wait_ms(u64::from_le_bytes(random));
        let (kept, next) = (status::kept(shared.lock().spool.pending()), status::duration(wait_ms));
        status::say(format_args!("{sentence} {kept}. Next try in {next}."));
        pause(shared, wait_ms);
    }
}

/// Landlock's rule is for the file that was there at the start; who replaces it by name leaves us without one.
fn resolver_is_out_of_reach() -> bool {
    std::fs::File::open("/etc/resolv.conf")
        .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

/// The cloud refuses a payload: halve until it is one record, and give that one up, told as a gap, so that it does not
/// jam the spool.
fn narrow(shared: &Shared, report: &InFlight) -> usize {
    if report.records > 1 {
        return usize::try_from(report.records / 2).unwrap_or(1);
    }
    let (first, last) = report.ordinals;
    let loss = Loss { first, last, count: report.records, from: None, to: None };
    let mut inner = shared.lock();
    let told = inner.spool.append(Kind::Gap, clock::uptime_ms(), loss.to_body());
    if let Err(error) = told.and_then(|_| inner.spool.acknowledge(report.first, report.last, report.records))
    {
        status::say(status::chain(&error));
    }
    1
}

fn connect(
    config: &Config,
    shared: &Shared,
    way: &Way,
) -> Result<(Transport, (session::Accepted, Vec<u8>)), ConnectError> {
    let deadline_ms = clock::uptime_ms() + HANDSHAKE_MS;
    let clock = shared.lock().clock;
    let synchronised = clock.quality == Quality::Synchronised;
    way.tls.validity.set_time(synchronised.then(|| clock.wall(clock::uptime_ms())));
    let mut transport = Transport::connect(config, &way.tls, way.proxy_credentials.as_ref(), deadline_ms)?;
    let (accepted, inbox) = session::shake_hands(&mut transport, config.serial.as_str())?;
    match accepted.server_time {
        Some((time, uptime_ms)) => learn_time(shared, &way.tls, time, uptime_ms)?,
        None if !synchronised => {
            status::say("The cloud does not tell the time; readings are dated by this machine's clock.")
        }
        None => {}
    }
    let pending = shared.lock().spool.pending();
    let backlog =
        if pending == 0 { String::new() } else { format!(" {}, and sent now.", status::kept(pending)) };
    status::say(format_args!("Connected to {} ({}).{backlog}", config.cloud.url, transport.describe()));
    Ok((transport, (accepted, inbox)))
}

/// The time from the authenticated cloud, if its certificate is valid at that time.
fn learn_time(shared: &Shared, tls: &Tls, time: wire::UtcMs, uptime_ms: u64) -> Result<(), ConnectError> {
    if time < clock::built_at() {
        status::say(format_args!(
            "The cloud says it is {time}, which is before this program was built; that is not believed."
        ));
        return Ok(());
    }
    tls.validity.check_again(time).map_err(ConnectError::Tls)?;
    let mut inner = shared.lock();
    let off_ms = time.since(inner.clock.wall(uptime_ms));
    if inner.clock.quality != Quality::Synchronised || off_ms.abs() > CLOCK_TELL_MS {
        status::say(format_args!("The time is {time}, from the cloud."));
    }
    if let Err(error) = inner.set_clock(Clock::synchronised(time, uptime_ms), uptime_ms) {
        status::say(status::chain(&error));
    }
    Ok(())
}

/// Waits, unless the gateway stops.
fn pause(shared: &Shared, wait_ms: u64) {
    let until_ms = clock::uptime_ms() + wait_ms;
    loop {
        let left_ms = until_ms.saturating_sub(clock::uptime_ms());
        if left_ms == 0 || shared.is_stopping() {
            return;
        }
        shared.clear_wake();
        let timeout = clock::wait(left_ms);
        let _ = poll(&mut [PollFd::new(&shared.wake, PollFlags::IN)], Some(&timeout));
    }
}
