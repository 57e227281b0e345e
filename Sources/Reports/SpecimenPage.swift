import Findings

/// What `limen explain` prints of a specimen: its page.
public enum SpecimenPage {
  public static func text(of specimen: SpecimenDescription) -> String {
    var lines = [specimen.name, ""]
    for paragraph in specimen.paragraphs { lines += InvariantPage.wrapped(paragraph) + [""] }
    let path = specimen.path.map { step in
      "\(step.event.rawValue) at \(step.symbol)" + (step.offset == 0 ? "" : "+0x\(String(step.offset, radix: 16))")
    }
    let facts = [
      ("crossing", specimen.crossing.rawValue), ("platform", list(specimen.platforms)),
      ("profile", list(specimen.profiles)), ("posture", specimen.posture.rawValue),
      ("path", path.isEmpty ? "none" : path.joined(separator: ", then ")), ("depth", "\(specimen.depth)"),
      ("invariant", specimen.invariant.rawValue),
    ]
    lines += facts.map { name, value in name + String(repeating: " ", count: 11 - name.count) + value }
    if let unseen = specimen.unseen { lines += [""] + InvariantPage.wrapped("Not seen yet: " + unseen + ".") }
    lines += [
      "", "specimen:\(specimen.name) is the kernel with the defect, specimen:\(specimen.name):fixed its twin without.",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func list<V: Vocabulary>(_ values: [V]) -> String {
    values.map(\.rawValue).joined(separator: ", ")
  }
}
