/// Goal: where gdb finds Limen is a port of this host alone, a socket's path, or the standard streams; all else is refused.
import Debugger
import Foundation
import Testing

@Suite struct PlaceTests {
  @Test(arguments: ["1234", ":1234", "localhost:1234", "127.0.0.1:1234"])
  func portsAreOfThisHost(text: String) { #expect(Connection.Place(text) == .port(1234)) }

  @Test func theOthers() {
    #expect(Connection.Place("-") == .standardStreams)
    #expect(Connection.Place("./gdb") == .path("./gdb"))
  }

  @Test(arguments: [
    "", "65536", "-1", "0.0.0.0:1", "example.org:1", "1:2:3", "gdb", "/" + String(repeating: "a", count: 107),
  ])
  func allElseIsRefused(text: String) { #expect(Connection.Place(text) == nil) }

  /// bind(2) refuses a name that is there already; what has it is somebody's, and stays.
  @Test func aFileInItsPlaceStays() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "limen-place-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "notes").path
    try "mine".write(toFile: file, atomically: true, encoding: .utf8)
    #expect(throws: Connection.Refusal.self) { _ = try Connection.open(.path(file)) { _ in } }
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
  }
}
