/// Goal: every specimen is what its page says (`SpecimenClaim`), differs little from its twin, and is found by its name.
import Findings
import Foundation
import KernelImage
import Testing

@Suite struct SpecimenTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = .probing(in: folder)
  }

  // MARK: The pairs

  @Test func thereAreSpecimens() throws {
    let listed = try limen("list", "specimens")
    #expect(listed.status == 0 && listed.output.split(separator: "\n").map(String.init) == Specimens.names)
    #expect(!Specimens.names.isEmpty)
  }

  @Test(arguments: Specimens.names) func thePageIsTrue(name: String) async throws {
    #expect(try await SpecimenClaims.shared.rows(name).count > 0)
  }

  /// A twin differs as its page says, and in nothing else.
  @Test(arguments: Specimens.names) func aPairDiffersInLittle(name: String) throws {
    func code(_ file: String) throws -> [String] {
      try Specimens.source(name, file).split(separator: "\n").map(String.init).filter { !$0.hasPrefix("//") }
    }
    let changes = try code("Fixed.S").difference(from: try code("Defective.S"))
    // A line each for the name, and for the change at least one.
    #expect((3...20).contains(changes.count), "\(changes.count) lines")
    let comments = try Specimens.source(name, "Fixed.S").prefix { $0 != "\n" }
    #expect(comments.hasPrefix("// \(name), fixed: "))
  }

  // MARK: Names

  @Test(arguments: Specimens.names) func thePageIsPrinted(name: String) throws {
    let page = try Specimens.page(name)
    for argument in [name, "specimen:\(name)", "specimen:\(name):fixed"] {
      let ended = try limen("explain", argument)
      #expect(ended.status == 0 && ended.output.hasPrefix("\(name)\n\n"))
      let words = ended.output.split { $0.isWhitespace }.joined(separator: " ")
      for paragraph in page.paragraphs { #expect(words.contains(paragraph)) }
      #expect(ended.output.contains("\ninvariant  \(page.invariant)\n"))
    }
  }

  /// Where the command line does not say, the page does.
  @Test func aCheckTakesPlatformAndCrossingFromThePage() throws {
    let ended = try limen(
      "check", "specimen:frame-below-rsp:fixed", "--witnesses", folder.url.appendingPathComponent("w").path)
    let heads = ended.output.split(separator: "\n").filter { $0.hasSuffix(": held") }
    #expect(heads == ["xen-pv intel syscall64 normal: held", "xen-pv amd syscall64 normal: held"])
  }

  @Test(arguments: [
    ("specimen:frobnicate", "there is no such specimen (specimens: "), ("specimen:", "specimen:NAME:fixed"),
    ("specimen:../nmi-leaving", "specimen:NAME:fixed"), ("specimen:nmi-leaving:broken", "specimen:NAME:fixed"),
    ("specimen:nmi-leaving:fixed:fixed", "specimen:NAME:fixed"),
  ])
  func wrongNamesAreTwoAndOneLine(name: String, complaint: String) throws {
    for ended in [try limen("check", name), try limen("explain", name)] {
      #expect(ended.status == 2 && ended.output.isEmpty)
      #expect(ended.complaint.hasPrefix("limen: ") && ended.complaint.contains(complaint))
      #expect(ended.complaint.filter(\.isNewline).count == 1)
    }
    let neither = try limen("explain", "frobnicate")
    #expect(neither.status == 2 && neither.complaint.contains("nothing has this name"))
  }
}
