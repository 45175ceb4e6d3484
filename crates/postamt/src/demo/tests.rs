use super::*;
use env::virtual_world::World;

fn start(folder: &Path) -> anyhow::Result<ServePlan> {
    plan(folder, &World::new(3))
}

#[test]
fn logins_are_made_once_kept_private_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("postamt-demo");
    let first = start(&data).unwrap().demo.unwrap();
    let file = data.join("logins.txt");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(first.logins.len(), 3);
    assert!(first.logins.iter().all(|login| login.password.expose().len() == 16));
    assert_ne!(first.logins[0].password, first.logins[1].password);
    let second = plan(&data, &World::new(4)).unwrap();
    assert_eq!(second.demo.unwrap().logins, first.logins);
    fs::write(&file, "# mine\nanna@demo.test secret \n\nben@demo.test\tb\nadmin@demo.test a b\n").unwrap();
    let edited = start(&data).unwrap();
    let passwords: Vec<_> = edited.demo.unwrap().logins.iter().map(|l| l.password.expose().to_owned()).collect();
    assert_eq!(passwords, ["secret", "b", "a b"]);
    assert_eq!(edited.directory.accounts.len(), 3);
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
}

#[test]
fn a_damaged_file_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, why: &str| {
        fs::write(folder.path().join("logins.txt"), text).unwrap();
        let error = format!("{:#}", start(folder.path()).unwrap_err());
        assert!(error.contains("mend it, or delete it for new passwords (mail stays)"), "{error}");
        assert!(error.ends_with(why), "{error}");
    };
    check("", "the line of anna@demo.test is missing");
    check("anna@demo.test", "line 1: not an address and a password");
    check("# x\neve@demo.test x", "line 2: the demo has no account eve@demo.test");
    check("anna@demo.test x\nanna@demo.test y", "line 2: anna@demo.test is there twice");
    check("anna x", "line 1: \"anna\": an address is local-part@domain");
}
