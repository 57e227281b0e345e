/// The version of this program, as `limen --version` and every document print it. Semantic; raised with CHANGELOG.md.
public enum LimenVersion {
  public static let current = "0.1.0"
}
