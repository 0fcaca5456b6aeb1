//! Packets of bytes, right or wrong.

use wire::mqtt::Version::{self, V5};

pub(super) fn subscribe(version: Version, id: u16, properties: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == V5 {
        body.extend(variable(properties.len()));
        body.extend(properties);
    }
    for (filter, options) in filters {
        body.extend(text(filter.as_bytes()));
        body.push(*options);
    }
    packet_of(0x82, &body)
}

pub(super) fn text(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

pub(super) fn variable(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value % 128) as u8;
        value /= 128;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

pub(super) fn packet_of(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    packet.extend(variable(body.len()));
    packet.extend(body);
    packet
}

pub(super) fn header_length(packet: &[u8]) -> usize {
    2 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count()
}
