//! Bech32 (BIP 173), in which age writes its keys: five bits a character, and a checksum against typing errors.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
const CHECKSUM_GROUPS: usize = 6;
/// Longest text that is looked at: keys have some seventy characters.
const TEXT_OCTETS_MAX: usize = 128;

/// In small letters.
pub fn encode(prefix: &str, octets: &[u8]) -> String {
    let mut groups = to_groups(octets);
    groups.extend(checksum(prefix, &groups));
    let letters = groups.iter().filter_map(|group| ALPHABET.get(usize::from(*group)));
    format!("{prefix}1{}", letters.map(|letter| char::from(*letter)).collect::<String>())
}

/// The octets of a text with this prefix; small or capital letters, not mixed.
pub fn decode(prefix: &str, text: &str) -> Option<Vec<u8>> {
    let mixed = text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase());
    if mixed || text.len() > TEXT_OCTETS_MAX {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let letters = text.strip_prefix(prefix)?.strip_prefix('1')?;
    let group = |letter| ALPHABET.iter().position(|known| *known == letter).map(|at| at as u8);
    let groups: Vec<u8> = letters.bytes().map(group).collect::<Option<_>>()?;
    let (data, sum) = groups.split_at_checked(groups.len().checked_sub(CHECKSUM_GROUPS)?)?;
    if sum != checksum(prefix, data) {
        return None;
    }
    from_groups(data)
}

fn to_groups(octets: &[u8]) -> Vec<u8> {
    let (mut groups, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for octet in octets {
        held = held << 8 | u32::from(*octet);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            groups.push((held >> bits) as u8 & 31);
        }
    }
    if bits > 0 {
        groups.push((held << (5 - bits)) as u8 & 31);
    }
    groups
}

fn from_groups(groups: &[u8]) -> Option<Vec<u8>> {
    let (mut octets, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for group in groups {
        held = held << 5 | u32::from(*group);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            octets.push((held >> bits) as u8);
        }
    }
    // What is left over is padding, and zero.
    (bits < 5 && held & ((1 << bits) - 1) == 0).then_some(octets)
}

fn checksum(prefix: &str, groups: &[u8]) -> [u8; CHECKSUM_GROUPS] {
    let high = prefix.bytes().map(|b| b >> 5);
    let low = prefix.bytes().map(|b| b & 31);
    let all = high.chain([0]).chain(low).chain(groups.iter().copied()).chain([0; CHECKSUM_GROUPS]);
    let sum = all.fold(1u32, |sum, group| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(group);
        GENERATOR
            .iter()
            .enumerate()
            .fold(shifted, |sum, (bit, term)| if top >> bit & 1 == 1 { sum ^ term } else { sum })
    }) ^ 1;
    std::array::from_fn(|at| (sum >> (5 * (CHECKSUM_GROUPS - 1 - at))) as u8 & 31)
}
