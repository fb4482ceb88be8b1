//! Replays every committed corpus through its target.

use std::{fs, path::Path};

#[test]
fn every_corpus_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in lvs_fuzz::TARGETS {
        let folder = root.join(name);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for file in files {
            let path = file.expect("a readable folder").path();
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            println!("{}", path.display());
            target(&bytes);
            count += 1;
        }
        assert!(count > 0, "{} has no corpus", folder.display());
    }
}

#[test]
fn every_target_has_a_program() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let mut files: Vec<String> = fs::read_dir(programs)
        .expect("the folder fuzz_targets")
        .map(|file| file.expect("a readable folder").file_name().to_string_lossy().replace(".rs", ""))
        .collect();
    files.sort();
    let mut targets: Vec<&str> = lvs_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    targets.sort_unstable();
    assert_eq!(files, targets);
}
