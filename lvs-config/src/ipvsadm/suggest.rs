//! "Did you mean": the known word that is nearest to an unknown one.

/// The nearest of `known`, when it is near enough to be meant: at most one third of its letters differ, letter case,
/// `_` and `-` aside.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Long words are no slips of the pen, and the distance costs their product.
    if word.len() > 40 {
        return None;
    }
    let fold =
        |text: &str| text.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect::<Vec<_>>();
    // The letters that occur, several on one bit: each that differs changes at most two bits. This and the length spare
    // most names the table.
    let letters = |text: &[char]| text.iter().fold(0_u32, |set, c| set | 1 << (u32::from(*c) & 0x1f));
    let word = fold(word);
    let set = letters(&word);
    let rated = known.into_iter().filter_map(|name| {
        let most = name.len().max(3) / 3;
        if name.len().abs_diff(word.len()) > most {
            return None;
        }
        let folded = fold(name);
        if (letters(&folded) ^ set).count_ones() as usize > 2 * most {
            return None;
        }
        let distance = distance(&word, &folded);
        (distance <= most).then_some((distance, name))
    });
    rated.min_by_key(|(distance, name)| (*distance, name.len())).map(|(_, name)| name)
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["--tcp-service", "--scheduler", "--weight", "--masquerading", "--persistent"];
        assert_eq!(nearest("--weigth", known), Some("--weight"));
        assert_eq!(nearest("--SCHEDULER", known), Some("--scheduler"));
        assert_eq!(nearest("--tcp_service", known), Some("--tcp-service"));
        assert_eq!(nearest("--foo", known), None);
        assert_eq!(nearest("RR", ["rr", "wrr"]), Some("rr"));
        // A short name that is too far does not hide a long one that is near.
        assert_eq!(nearest("--weht", ["--set", "--weight"]), Some("--weight"));
        assert_eq!(nearest("rrr", ["rr", "wrr"]), Some("rr"));
        assert_eq!(nearest("", ["rr"]), None);
    }
}
