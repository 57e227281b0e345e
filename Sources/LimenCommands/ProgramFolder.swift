/// Where what belongs to the program lies: in a checkout in the folders that `./dev build` leaves, installed in `lib/limen` beside `bin`.
import Foundation

enum ProgramFolder {
  /// The program itself, whatever link it was called by.
  static var program: URL { URL(filePath: "/proc/self/exe").resolvingSymlinksInPath() }

  /// The first of the names that is there, in the program's folder or else in the folders above it, the nearest first; nil for none.
  static func find(_ names: [String]) -> URL? {
    var folder = program.deletingLastPathComponent()
    for _ in 0..<8 {
      for name in names {
        let candidate = folder.appending(path: name)
        if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
      }
      if folder.path == "/" { break }
      folder = folder.deletingLastPathComponent()
    }
    return nil
  }
}
