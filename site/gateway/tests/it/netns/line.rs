//! Lines as bad as they come: packets lost, slow, out of order.
//!
//! Loss by nftables and speed by tbf, as every kernel has them. Order is lost by a second, slower cable: a part of the
//! packets, drawn at random, is routed over it and overtaken by later ones. (netem is not on every machine.)

use super::{HERE, Namespace, Network, THERE};

impl Network {
    /// Loses so many of a hundred packets, each way.
    pub fn lose(&self, percent: u32) {
        for end in [&self.site, &self.world] {
            end.nft(&format!(
                "table inet watch {{
                    counter lost {{}}
                    counter kept {{}}
                    chain in {{
                        type filter hook input priority -300; policy accept;
                        iifname lo accept
                        numgen random mod 100 < {percent} counter name lost drop
                        counter name kept
                    }}
                }}"
            ));
        }
    }

    /// So many bits a second, each way; what has to wait longer than two seconds is lost.
    pub fn slow(&self, bits_a_second: u32) {
        for end in [&self.site, &self.world] {
            end.tc(&format!("qdisc add dev cable root tbf rate {bits_a_second}bit burst 2000 latency 2s"));
        }
    }

    /// So many of a hundred TCP packets go the slower way, each way.
    pub fn shuffle(&self, percent: u32, bits_a_second: u32) {
        self.cable("slower");
        for (end, own, other) in [(&self.site, THERE, HERE), (&self.world, HERE, THERE)] {
            // An answer that comes in by the other cable is no forgery here.
            for interface in ["all", "cable", "slower"] {
                end.set(&format!("ipv4/conf/{interface}/rp_filter"), "0");
            }
            end.ip("rule add fwmark 1 table 100");
            end.ip(&format!("route add {other} dev slower src {own} table 100"));
            end.tc(&format!("qdisc add dev slower root tbf rate {bits_a_second}bit burst 2000 latency 1s"));
            end.nft(&format!(
                "table ip shuffle {{
                    chain out {{
                        type route hook output priority mangle; policy accept;
                        meta l4proto tcp numgen random mod 100 < {percent} meta mark set 1
                    }}
                }}"
            ));
        }
    }
}

impl Namespace {
    /// Packets that waited for an earlier one, as its TCP counts them (`TCPOFOQueue`).
    pub fn out_of_order(&self) -> u64 {
        let text = self.proc_net("netstat");
        let row = |number: usize| {
            let mut rows = text.lines().filter(|line| line.starts_with("TcpExt:"));
            rows.nth(number).unwrap().split(' ').map(str::to_owned).collect::<Vec<_>>()
        };
        let (names, values) = (row(0), row(1));
        let at = names.iter().position(|name| name == "TCPOFOQueue").unwrap();
        values[at].parse().unwrap()
    }
}
