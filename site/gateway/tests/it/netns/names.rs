//! A resolver for a namespace: it knows one name and notes what it is asked.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{CLOUD, HERE, Network};

const QUERY_HEADER_BYTES: usize = 12;

/// See the module. Ends when it is dropped.
pub struct Names {
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Network {
    /// The gateway's side asks there from now on.
    pub fn names(&self) -> Names {
        resolve_at(&self.site.name, HERE);
        let socket = self.world.within(|| UdpSocket::bind((HERE, 53)).unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (asked, stop) = (asked.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut query = [0; 512];
                while !stop.load(Ordering::Relaxed) {
                    let Ok((length, from)) = socket.recv_from(&mut query) else { continue };
                    let Some((name, answer)) = answer(&query[..length]) else { continue };
                    asked.lock().unwrap().push(name);
                    let _ = socket.send_to(&answer, from);
                }
            })
        };
        Names { asked, stop, thread: Some(thread) }
    }

    /// The gateway's side has no resolver that answers.
    pub fn no_names(&self) {
        resolve_at(&self.site.name, "10.77.0.99");
    }
}

impl Names {
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// `ip netns exec` lays what is there over /etc.
pub fn folder(namespace: &str) -> PathBuf {
    Path::new("/etc/netns").join(namespace)
}

fn resolve_at(namespace: &str, address: &str) {
    let folder = folder(namespace);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("resolv.conf"), format!("nameserver {address}\n")).unwrap();
}

/// RFC 1035: the name that is asked for, and the answer with its address, or without one.
fn answer(query: &[u8]) -> Option<(String, Vec<u8>)> {
    let (mut at, mut labels) = (QUERY_HEADER_BYTES, Vec::new());
    while let length @ 1.. = usize::from(*query.get(at)?) {
        labels.push(String::from_utf8_lossy(query.get(at + 1..at + 1 + length)?).into_owned());
        at += 1 + length;
    }
    let end = at + 5;
    let (name, kind) = (labels.join("."), query.get(at + 1..at + 3)?);
    let known = name == CLOUD;
    let has_address = known && kind == [0, 1];
    let mut out = query.get(..2)?.to_vec();
    // A response, recursion available; no error, or no such name. One question; nothing but answers.
    out.extend([0x81, if known { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0]);
    out.extend(query.get(QUERY_HEADER_BYTES..end)?);
    if has_address {
        // The name as in the question, A, IN, 30 s, four bytes.
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
        out.extend(HERE.parse::<Ipv4Addr>().unwrap().octets());
    }
    Some((name, out))
}
