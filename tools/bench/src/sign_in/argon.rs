//! What Argon2id costs here, by its parameters.
//!
//! In: parameters that guidance names. Out: milliseconds of one core for one hash; the memory is the parameter itself.

use std::time::Instant;

use anyhow::{Result, anyhow};
use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::Options;
use crate::rows::{Rows, percentile};

/// What `web::sign_in::password` uses: memory in KiB, passes, lanes.
const OURS: (u32, u32, u32) = (19_456, 2, 1);
/// Others that OWASP's cheat sheet holds equal, and RFC 9106's second recommendation.
const OTHERS: [(u32, u32, u32); 4] = [(47_104, 1, 1), (12_288, 3, 1), (7_168, 5, 1), (65_536, 3, 4)];
/// Hashes of one repeat.
const HASHES: usize = 20;

/// A PHC string as the product makes them.
pub fn hash(password: &str) -> Result<String> {
    let salt = SaltString::encode_b64(b"sixteen bytes !!").map_err(|error| anyhow!("{error}"))?;
    let hash = argon2(OURS)?.hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| anyhow!("{error}"))?.to_string())
}

/// One row for each.
pub fn compare(options: &Options, rows: &mut Rows) -> Result<()> {
    for parameters @ (memory_kib, passes, lanes) in [OURS].into_iter().chain(OTHERS) {
        let argon2 = argon2(parameters)?;
        let mut medians = Vec::new();
        for _ in 0..options.repeats {
            let times = (0..HASHES).map(|_| once(&argon2)).collect::<Result<Vec<_>>>()?;
            medians.push(percentile(&times, 0.5));
        }
        let memory_mib = f64::from(memory_kib) / 1024.0;
        let what = format!("Argon2id, {memory_mib:.0} MiB, {passes} passes, {lanes} lanes");
        rows.note("S3", &what, &medians, "ms");
    }
    Ok(())
}

fn once(argon2: &Argon2<'_>) -> Result<f64> {
    let mut out = [0; 32];
    let begun = Instant::now();
    let hashed = argon2.hash_password_into(b"correct horse battery", b"sixteen bytes !!", &mut out);
    hashed.map_err(|error| anyhow!("{error}"))?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

fn argon2((memory_kib, passes, lanes): (u32, u32, u32)) -> Result<Argon2<'static>> {
    let parameters = Params::new(memory_kib, passes, lanes, None).map_err(|error| anyhow!("{error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}
