//! What changed between two texts, line by line.

/// This shows the lines that two texts differ in: `-` for those that went, `+` for those that came.
///
/// Lines that both have at the start and at the end are left out; what is between is compared line by line.
///
/// ```
/// assert_eq!(lvs_config::diff("a\nb\nc\n", "a\nx\nc\n"), "-b\n+x\n");
/// ```
#[must_use]
pub fn diff(old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> String {
    let (old, new) = (lines(old.as_ref()), lines(new.as_ref()));
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[start..], &new[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let mut out = String::new();
    for (sign, line) in script(old, new) {
        out.push(sign);
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out
}

/// The most cells of the comparison table; larger texts are shown as all old lines and all new ones.
const MOST_CELLS: usize = 4_000_000;

fn lines(text: &[u8]) -> Vec<&[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|&b| b == b'\n').collect()
}

/// The lines of a longest common subsequence stay, the others go or come.
fn script<'a>(old: &[&'a [u8]], new: &[&'a [u8]]) -> Vec<(char, &'a [u8])> {
    let mut out = Vec::new();
    let width = new.len() + 1;
    if old.len().saturating_mul(width) > MOST_CELLS {
        out.extend(old.iter().map(|l| ('-', *l)));
        out.extend(new.iter().map(|l| ('+', *l)));
        return out;
    }
    // common[i * width + j]: how many lines the rests from i and j on have in common.
    let mut common = vec![0u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            out.push(('-', old[i]));
            i += 1;
        } else {
            out.push(('+', new[j]));
            j += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(diff("a\n", "a\n"), "");
        assert_eq!(diff("", "a\n"), "-\n+a\n");
        assert_eq!(diff("a\nb\nc\nd\n", "a\nc\nx\nd\n"), "-b\n+x\n");
        assert_eq!(diff("a\r\n", "a\n"), "-a\r\n+a\n");
    }
}
