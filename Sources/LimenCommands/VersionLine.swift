/// What `limen --version` prints: the version, the commit that it was built from, and which build of it this is.
import BuildIdentity
import Explorer
import Findings

enum VersionLine {
  static var text: String {
    let commit = String(cString: limen_commit())
    let source = commit.isEmpty ? "commit not recorded (./dev build does)" : "commit \(commit)"
    return "limen \(LimenVersion.current), \(source), build \(Checker.build)"
  }
}
