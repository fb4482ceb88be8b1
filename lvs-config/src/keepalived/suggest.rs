//! What the author of an unknown word meant.

/// The words that are nearest to `word`, when they are near enough to be meant.
///
/// Near is up to a third of the letters; exchanging two neighbours counts once, as in `weigth`.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = match word.chars().count() {
        0..=2 => return None,
        3..=4 => 1,
        5..=7 => 2,
        n => (n / 4).clamp(2, 4),
    };
    let mut best: Option<(usize, &str)> = None;
    let set = letters(word);
    for candidate in candidates {
        if candidate.len().abs_diff(word.len()) > most || (letters(candidate) ^ set).count_ones() as usize > 2 * most {
            continue;
        }
        let distance = distance(word, candidate, most);
        if distance <= most && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The letters that occur, several of them on one bit. A change of one letter changes at most two bits, which spares nearly
/// every candidate the table: a file may have thousands of unknown words.
fn letters(word: &str) -> u32 {
    word.chars().fold(0, |set, c| set | 1 << (u32::from(c) & 0x1f))
}

/// The number of letters to insert, remove, replace or exchange; more than `most` is not told apart.
///
/// The optimal string alignment distance, three rows of the table at a time, and of each only what is not too far from its
/// diagonal.
fn distance(a: &str, b: &str, most: usize) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    if a.len().abs_diff(b.len()) > most {
        return most + 1;
    }
    let mut before = vec![most + 1; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut row = before.clone();
    let mut least_above = 0;
    for i in 1..=a.len() {
        row.fill(most + 1);
        row[0] = i;
        let mut least = i;
        for j in i.saturating_sub(most).max(1)..=(i + most).min(b.len()) {
            let cost = usize::from(!a[i - 1].eq_ignore_ascii_case(&b[j - 1]));
            row[j] = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
            least = least.min(row[j]);
        }
        if least > most && least_above > most {
            return most + 1;
        }
        least_above = least;
        // The rows change places: what was above is before, and the oldest is written anew.
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    above[b.len()]
}

/// A word with letters of other alphabets that look like Latin ones, and the first of them.
pub(super) fn unmasked(word: &str) -> Option<(String, char)> {
    let mut first = None;
    let plain: String = word
        .chars()
        .map(|c| match latin(c) {
            Some(letter) => {
                first.get_or_insert(c);
                letter
            }
            None => c,
        })
        .collect();
    first.map(|c| (plain, c))
}

/// The ASCII character that a character of another alphabet looks like.
fn latin(c: char) -> Option<char> {
    Some(match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0)?,
        'а' | 'α' => 'a',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'с' | 'ϲ' => 'c',
        'С' => 'C',
        'ԁ' => 'd',
        'е' => 'e',
        'Е' | 'Ε' => 'E',
        'һ' => 'h',
        'Н' | 'Η' => 'H',
        'і' | 'ι' => 'i',
        'І' | 'Ι' => 'I',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'о' | 'ο' => 'o',
        'О' | 'Ο' => 'O',
        'р' | 'ρ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ѕ' => 's',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'у' | 'γ' => 'y',
        'У' | 'Υ' => 'Y',
        'ν' => 'v',
        'х' | 'χ' => 'x',
        'Х' | 'Χ' => 'X',
        'Ζ' => 'Z',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        _ => return None,
    })
}

/// The alphabet of a character that looks like a Latin one, for messages.
pub(super) fn alphabet(c: char) -> &'static str {
    match c {
        '\u{370}'..='\u{3FF}' => "Greek",
        '\u{400}'..='\u{52F}' => "Cyrillic",
        '\u{FF00}'..='\u{FFEF}' => "full-width",
        _ => "not ASCII",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_of_the_wild_find_their_word() {
        let words = ["priority", "weight", "connect_port", "SMTP_CHECK", "notify_backup", "vrrp_script", "preempt"];
        for (typo, word) in [
            ("proiority", "priority"),
            ("weigth", "weight"),
            ("connetc_port", "connect_port"),
            ("SMTP_CHEKC", "SMTP_CHECK"),
            ("netify_backup", "notify_backup"),
            ("vvrp_script", "vrrp_script"),
        ] {
            assert_eq!(nearest(typo, words), Some(word), "{typo}");
        }
        assert_eq!(nearest("hello", words), None);
        assert_eq!(nearest("x", words), None);
    }

    #[test]
    fn no_word_that_is_near_is_spared_the_table() {
        let words =
            ["weight", "weigth", "Weight", "wei", "w\u{435}ight", "connect_port", "CONNECT-PORT", "connetcport", ""];
        for (a, b) in words.into_iter().flat_map(|a| words.map(|b| (a, b))) {
            let bits = (letters(a) ^ letters(b)).count_ones() as usize;
            assert!(bits <= 2 * distance(a, b, 40), "{a} {b}");
        }
    }

    #[test]
    fn letters_of_other_alphabets_are_told_apart() {
        assert_eq!(unmasked("pr\u{435}empt"), Some(("preempt".to_owned(), '\u{435}')));
        assert_eq!(unmasked("preempt"), None);
        assert_eq!(alphabet('\u{435}'), "Cyrillic");
    }
}
