//! The policies as the kernel will run them: each program is interpreted here for calls that nobody could make without
//! `unsafe`, and for every number there is. Numbers are those of x86-64; the policies are by name.

use gateway::sandbox::Process;
use gateway::sandbox::policy::{FILES, lines, programs};

const KILL: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;
const ALLOW: u32 = 0x7fff_0000;

/// What the kernel answers: the sternest of all programs.
fn answer(process: Process, number: u32, arguments: [u64; 6]) -> u32 {
    let answers = programs(process).unwrap();
    // As the kernel compares them: signed, KILL_PROCESS first.
    answers
        .iter()
        .map(|program| run(program.iter().map(|i| (i.code, i.jt, i.jf, i.k)), number, arguments))
        .min_by_key(|answer| (answer & 0xffff_0000).cast_signed())
        .unwrap()
}

/// Classic BPF, as far as seccompiler uses it, over `struct seccomp_data`.
fn run(program: impl Iterator<Item = (u16, u8, u8, u32)>, number: u32, arguments: [u64; 6]) -> u32 {
    const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
    let program: Vec<_> = program.collect();
    let mut data = Vec::new();
    data.extend_from_slice(&number.to_le_bytes());
    data.extend_from_slice(&AUDIT_ARCH_X86_64.to_le_bytes());
    data.extend_from_slice(&0_u64.to_le_bytes());
    arguments.iter().for_each(|argument| data.extend_from_slice(&argument.to_le_bytes()));
    let (mut at, mut accumulator) = (0, 0_u32);
    loop {
        let (code, yes, no, k) = program[at];
        at += 1;
        let jump = |holds: bool| usize::from(if holds { yes } else { no });
        match code {
            0x20 => {
                let from = usize::try_from(k).unwrap();
                accumulator = u32::from_le_bytes(data[from..from + 4].try_into().unwrap());
            }
            0x54 => accumulator &= k,
            0x05 => at += usize::try_from(k).unwrap(),
            0x15 => at += jump(accumulator == k),
            0x25 => at += jump(accumulator > k),
            0x35 => at += jump(accumulator >= k),
            0x06 => return k,
            other => panic!("an instruction that seccompiler does not use: {other:#x}"),
        }
    }
}

/// What nobody may, whatever process is taken over.
const NEVER: [(&str, u32, [u64; 6]); 46] = [
    ("TIOCSTI", 16, [0, 0x5412, 0, 0, 0, 0]),
    ("TIOCSBRK", 16, [0, 0x5427, 0, 0, 0, 0]),
    ("TIOCSETD", 16, [0, 0x5423, 0, 0, 0, 0]),
    ("TIOCLINUX", 16, [0, 0x541c, 0, 0, 0, 0]),
    ("bind", 49, [3, 0, 0, 0, 0, 0]),
    ("listen", 50, [3, 1, 0, 0, 0, 0]),
    ("accept", 43, [3, 0, 0, 0, 0, 0]),
    ("accept4", 288, [3, 0, 0, 0, 0, 0]),
    ("socketpair", 53, [1, 1, 0, 0, 0, 0]),
    ("sendto an address", 44, [3, 1, 1, 0, 0x7fff_0000, 16]),
    ("sendto an address in the upper half", 44, [3, 1, 1, 0, 0x7fff_0000_0000, 16]),
    ("sendmsg", 46, [3, 1, 0, 0, 0, 0]),
    ("sendmmsg", 307, [3, 1, 1, 0, 0, 0]),
    ("socket AF_UNIX", 41, [1, 1, 0, 0, 0, 0]),
    ("socket raw", 41, [2, 3, 1, 0, 0, 0]),
    ("socket MPTCP", 41, [2, 1, 262, 0, 0, 0]),
    ("socket SCTP", 41, [2, 1, 132, 0, 0, 0]),
    ("socket netlink", 41, [16, 3, 0, 0, 0, 0]),
    ("socket packet", 41, [17, 3, 0, 0, 0, 0]),
    ("socket vsock", 41, [40, 1, 0, 0, 0, 0]),
    ("io_uring_setup", 425, [1, 0, 0, 0, 0, 0]),
    ("io_uring_enter", 426, [3, 1, 0, 0, 0, 0]),
    ("ptrace", 101, [16, 1, 0, 0, 0, 0]),
    ("process_vm_readv", 310, [1, 0, 0, 0, 0, 0]),
    ("process_vm_writev", 311, [1, 0, 0, 0, 0, 0]),
    ("pidfd_getfd", 438, [3, 0, 0, 0, 0, 0]),
    ("execveat", 322, [3, 0, 0, 0, 0, 0]),
    ("memfd_create", 319, [0, 0, 0, 0, 0, 0]),
    ("mmap writable and executable", 9, [0, 4096, 7, 0x22, 0, 0]),
    ("mprotect executable", 10, [0, 4096, 5, 0, 0, 0]),
    ("pkey_mprotect", 329, [0, 4096, 5, 0, 0, 0]),
    ("clone a user namespace", 56, [0x1000_0000, 0, 0, 0, 0, 0]),
    ("clone3", 435, [0, 88, 0, 0, 0, 0]),
    ("unshare", 272, [0x1000_0000, 0, 0, 0, 0, 0]),
    ("setns", 308, [3, 0, 0, 0, 0, 0]),
    ("mount", 165, [0, 0, 0, 0, 0, 0]),
    ("chroot", 161, [0, 0, 0, 0, 0, 0]),
    ("bpf", 321, [0, 0, 0, 0, 0, 0]),
    ("perf_event_open", 298, [0, 0, 0, 0, 0, 0]),
    ("userfaultfd", 323, [0, 0, 0, 0, 0, 0]),
    ("keyctl", 250, [0, 0, 0, 0, 0, 0]),
    ("init_module", 175, [0, 0, 0, 0, 0, 0]),
    ("kexec_load", 246, [0, 0, 0, 0, 0, 0]),
    ("clock_settime", 227, [0, 0, 0, 0, 0, 0]),
    ("open_by_handle_at", 304, [0, 0, 0, 0, 0, 0]),
    ("an x32 call", 0x4000_0000, [0, 0, 0, 0, 0, 0]),
];

#[test]
fn what_nobody_may_is_denied_in_every_process() {
    for process in Process::ALL {
        for (what, number, arguments) in NEVER {
            let answer = answer(process, number, arguments) & 0xffff_0000;
            assert!(answer == KILL || answer == ERRNO, "{what} in the {}: {answer:#x}", process.name());
        }
    }
}

/// A process, a call, its arguments, whether it may.
const EDGES: [(Process, &str, u32, [u64; 6], bool); 24] = [
    (Process::Reader, "reads the port", 0, [0, 0, 0, 0, 0, 0], true),
    (Process::Reader, "reads something else", 0, [3, 0, 0, 0, 0, 0], false),
    (Process::Reader, "writes the port", 1, [0, 0, 0, 0, 0, 0], false),
    (Process::Reader, "writes the pipe", 1, [1, 0, 0, 0, 0, 0], true),
    (Process::Reader, "writes something else", 1, [3, 0, 0, 0, 0, 0], false),
    (Process::Reader, "sets the port", 16, [0, 0x5402, 0, 0, 0, 0], false),
    (Process::Reader, "opens", 257, [0, 0, 0, 0, 0, 0], false),
    (Process::Reader, "starts a thread", 56, [0x3d_0f00, 0, 0, 0, 0, 0], false),
    (Process::Reader, "loads code", 9, [0, 4096, 5, 2, 3, 0], false),
    (Process::Button, "writes its line", 1, [3, 0, 0, 0, 0, 0], false),
    (Process::Button, "opens", 257, [0, 0, 0, 0, 0, 0], false),
    (Process::Uplink, "connects", 42, [3, 0, 16, 0, 0, 0], true),
    (Process::Uplink, "sends to its peer", 44, [3, 0, 9, 0, 0, 0], true),
    (Process::Uplink, "sets a terminal", 16, [3, 0x5402, 0, 0, 0, 0], false),
    (Process::Uplink, "starts a thread", 56, [0x3d_0f00, 0, 0, 0, 0, 0], false),
    (Process::Uplink, "runs a program", 59, [0, 0, 0, 0, 0, 0], false),
    (Process::Uplink, "kills", 62, [1, 9, 0, 0, 0, 0], false),
    (Process::Uplink, "binds a socket to a device", 54, [3, 1, 25, 0, 0, 0], false),
    (Process::Supervisor, "asks for TCP", 41, [2, 1, 0, 0, 0, 0], false),
    (Process::Supervisor, "asks for UDP", 41, [2, 2, 0, 0, 0, 0], false),
    (Process::Supervisor, "connects", 42, [3, 0, 16, 0, 0, 0], false),
    (Process::Supervisor, "sets the port", 16, [3, 0x402c_542b, 0, 0, 0, 0], true),
    (Process::Starter, "asks for TCP, for the uplink", 41, [2, 0x8_0001, 0, 0, 0, 0], true),
    (Process::Starter, "sets the port", 16, [3, 0x402c_542b, 0, 0, 0, 0], false),
];

#[test]
fn each_process_may_what_it_needs_and_no_more() {
    for (process, what, number, arguments, may) in EDGES {
        let answer = answer(process, number, arguments) & 0xffff_0000;
        assert_eq!(answer == ALLOW, may, "the {} {what}: {answer:#x}", process.name());
    }
}

#[test]
fn of_five_hundred_calls_few_are_allowed_and_the_count_is_known() {
    let allowed =
        |process| (0..500).filter(|number| answer(process, *number, [0; 6]) & 0xffff_0000 == ALLOW).count();
    let counts = Process::ALL.map(|process| (process.name(), allowed(process)));
    println!("calls of 500 that are allowed with zeros for arguments: {counts:?}");
    for ((name, count), most) in counts.into_iter().zip([75, 105, 24, 26, 62]) {
        assert!(count <= most, "the {name} may {count} calls, more than {most}: is each needed?");
    }
}

#[test]
fn every_line_names_why_and_a_test_that_exists() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for (file, _) in FILES {
        for line in lines(file).unwrap() {
            assert!(line.why.len() > 3, "{line:?}");
            if line.test.starts_with('-') {
                continue;
            }
            let (module, function) = line.test.split_once("::").unwrap_or((line.test, ""));
            let one_of = |file: &str| std::fs::read_to_string(folder.join(file));
            let source = one_of(&format!("{module}.rs")).or_else(|_| one_of(&format!("{module}/mod.rs")));
            let source = source.unwrap_or_else(|_| panic!("{line:?}: no module {module}"));
            assert!(source.contains(&format!("fn {function}")), "{line:?}: no such test");
        }
    }
}
