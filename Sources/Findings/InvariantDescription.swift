/// An invariant's page: one declaration from which `limen list`, `limen explain` and the documentation are printed.
public struct InvariantDescription: Hashable, Sendable, Codable {
  public var identifier: InvariantName
  /// One sentence that is true of a kernel that holds it.
  public var claim: String
  /// Why it matters, in a paragraph.
  public var why: String
  /// The manual, by volume and section title, or the commit or advisory that teaches it.
  public var citation: String
  /// The specimens that must break it.
  public var specimens: [String]

  public init(identifier: InvariantName, claim: String, why: String, citation: String, specimens: [String] = []) {
    self.identifier = identifier
    self.claim = claim
    self.why = why
    self.citation = citation
    self.specimens = specimens
  }
}
