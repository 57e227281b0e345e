import Findings
import Foundation
import Testing

/// Goal: a witness comes back exactly as it was written, and a file that is not one is refused with a single line that
/// names the field. The expectations are written by hand from Documentation/Formats.md.
@Suite struct WitnessTests {
  static let text = Sample.witness.text

  static func replacing(_ old: String, _ new: String) -> [UInt8] {
    precondition(text.contains(old), "the sample no longer holds \(old)")
    return Array(text.replacing(old, with: new, maxReplacements: 1).utf8)
  }

  static func error(_ bytes: [UInt8]) -> WitnessError? {
    do {
      _ = try Witness(reading: bytes)
      return nil
    } catch { return error }
  }

  @Test func comesBackEqual() throws {
    #expect(try Witness(reading: Array(Self.text.utf8)) == Sample.witness)
    try Golden.check(Self.text, "witness.json")
  }

  @Test func everyFieldIsNeeded() throws {
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(Self.text.utf8)) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "format", "version", "limen", "kernel", "platform", "profile", "memory", "commandLine", "crossing", "posture",
        "seed", "ablations", "invariant", "path",
      ])
    for key in object.keys {
      var less = object
      less[key] = nil
      #expect(Self.error(Array(try JSONSerialization.data(withJSONObject: less))) == .missing(field: key))
      var wrong = object
      wrong[key] = true
      guard
        case .wrongType(let field, _, let found) = Self.error(
          Array(try JSONSerialization.data(withJSONObject: wrong)))
      else {
        Issue.record("a boolean was taken for '\(key)'")
        continue
      }
      #expect(field == key && found == "a boolean")
    }
  }

  static let refusals: [([UInt8], String)] = [
    (replacing("limen-witness", "limen-check"), "not a witness: its format is 'limen-check'"),
    (replacing("\"version\" : 1", "\"version\" : 2"), "witness version 2 is not known, only 1"),
    (replacing("\"bare-metal\"", "\"vax\""), "field 'platform': 'vax' is not known (known: bare-metal, xen-pv, xen)"),
    (
      replacing("\"intel\"", "\"Intel\""),
      "field 'profile': 'Intel' is not known (known: \(ProfileName.spellings))"
    ),
    (replacing("\"rsp-owned\"", "\"../x\""), "field 'invariant': '../x' is no name (letters a-z, digits, hyphens)"),
    (replacing("\"normal\"", "\"\""), "field 'posture': '' is no name (letters a-z, digits, hyphens)"),
    (replacing(": 512", ": 0"), "field 'memory': 0 is no whole number from 1 to 1048576"),
    (replacing(": 512", ": 5.5"), "field 'memory': 5.5 is no whole number from 1 to 1048576"),
    (
      replacing(": 512", ": 99999999999999999999"),
      "field 'memory': 99999999999999999999 is no whole number from 1 to 1048576"
    ),
    (replacing("\"0xfeedf00ddeadbeef\"", "\"5\""), "field 'seed': '5' is not 0x and up to 16 hexadecimal digits"),
    (replacing("\"0xfeedf00ddeadbeef\"", "5"), "field 'seed' should be a string, not a number"),
    (replacing("5b41362b", "5B41362B"), "field 'kernel.sha256': should be 64 lower-case hexadecimal digits"),
    (replacing("5b41362b", ""), "field 'kernel.sha256': should be 64 lower-case hexadecimal digits"),
    (replacing("\"memory\"", "\"memroy\""), "field 'memory' is missing"),
    (replacing("\"memory\"", "\"extra\\u001b\" : 1, \"memory\""), "field 'extra\\u{1b}' is not part of a witness"),
    (
      replacing("\"event\" : \"nmi\"", "\"event\" : \"nmi2\""),
      "field 'path[0].event': 'nmi2' is not known (known: nmi, external-interrupt, machine-check, debug-breakpoint, "
        + "page-fault, event-upcall, nmi-callback, virtual-mce, host-vector-80, host-spurious, host-masked-interrupt, "
        + "host-vc, host-failsafe)"
    ),
    (
      replacing("\"boundary\" : 31", "\"boundary\" : 1"),
      "field 'path[1].boundary': lies before the step that precedes it"
    ),
    (
      replacing("\"boundary\" : 2", "\"boundary\" : -2"),
      "field 'path[0].boundary': -2 is no whole number from 0 to 9223372036854775807"
    ),
    (replacing("\"offset\" : 9,", ""), "field 'path[0].location.offset' is missing"),
    (replacing("console=ttyS0", "a\\u0000b"), "field 'commandLine': holds a NUL"),
    (Array("[]".utf8), "not a witness: its format is 'an array'"),
    (Array(text.utf8.dropLast(3)), "not a witness: byte \(text.utf8.count - 3): ',' or '}' should follow the member"),
    (
      [UInt8](repeating: 0x20, count: Witness.largest + 1), "1048577 bytes are too many for a witness (at most 1048576)"
    ),
  ]

  @Test(arguments: refusals.indices)
  func refusesWithOneLine(index: Int) throws {
    let (bytes, message) = Self.refusals[index]
    let error = try #require(Self.error(bytes))
    #expect(error.description == message)
  }

  @Test func tooManyStepsAreRefused() {
    var long = Sample.witness
    long.path = Path(Array(repeating: long.path.steps[0], count: Witness.mostSteps + 1))
    #expect(
      Self.error(Array(long.text.utf8)) == .badValue(field: "path", problem: "1025 steps are too many (at most 1024)"))
  }

  @Test func mutatedFilesAreReadOrRefused() throws {
    var random = Xorshift(seed: 0x2a)
    let bytes = Array(Self.text.utf8)
    let count = ProcessInfo.processInfo.environment["LIMEN_MUTATED_WITNESSES"].flatMap(Int.init) ?? 50_000
    var read = 0
    for _ in 0..<count {
      do {
        let witness = try Witness(reading: random.mutated(bytes))
        read += 1
        #expect(try Witness(reading: Array(witness.text.utf8)) == witness)
      } catch {
        #expect(!"\(error)".contains { $0.isNewline || $0 == "\u{1B}" })
      }
    }
    if count > 50_000 { print("mutated witnesses: \(read) read, \(count - read) refused") }
    // Accidents in strings leave a witness a witness; if none did, nothing would have been tried.
    #expect(read > 100)
  }

  @Test func fileNamesTellTrialsApart() {
    #expect(
      Sample.witness.fileName
        == "bare-metal_intel_syscall64_normal_rsp-owned_2-nmi_31-machine-check_without-nmi-without-ist.json")
    var other = Sample.witness
    other.path = Path([other.path.steps[0]])
    #expect(other.fileName != Sample.witness.fileName)
  }
}
