/// An assembly file with a threshold, made into a kernel: assembled, linked with the rest of the reference kernel in a
/// folder that is gone afterwards, and complained about in terms of the file.
///
/// The file may be anybody's. What it includes, by the preprocessor or by a directive of the assembler (which a macro can put together
/// from parts, so that no search through its text would find it), are the headers and assembly files beside it and those of the
/// reference kernel: the tools can read nothing else of the user's. Documentation/Designs.md, "What is trusted".
///
/// The tools' own messages that name file and line are passed on; what the linker says is said in Limen's words.
import Confinement
import Findings
import Foundation
import KernelImage

struct ThresholdLink {
  let source: String

  /// Larger files are no thresholds.
  private static let largestSource = 1 << 20

  struct Linked {
    /// The image, the same whatever the file's name is and wherever it lies.
    var image: [UInt8]
    /// The same with line tables; nil where they cannot be had.
    var withLines: [UInt8]?
    /// Where its parts were read, and what a report is to say instead: the folder as it was named, and nothing for the reference kernel's.
    var folders: [(String, String)]
  }

  func linked() throws(CommandFailure) -> Linked {
    try Interruption.watched(made)
  }

  private func made() throws(CommandFailure) -> Linked {
    // Says what there is to say of a file that cannot be read.
    _ = try Files.read(source, limit: Self.largestSource)
    let reference = try ReferenceFolder.find()
    let tools = try Toolchain.find()
    for part in ["kernel.o", "kernel.ld", "include/threshold.h"]
    where !FileManager.default.fileExists(atPath: reference.path(part)) {
      throw CommandFailure(
        .badInput, "reference kernel", "\(reference.path(part)) is missing; \(ReferenceFolder.remedy)")
    }
    if confinement_is_possible() == 0 {
      StandardError.write(
        "limen: warning: this host has no Landlock: what \(printable(source)) includes may be any file that you can read\n"
      )
    }
    let folder = URL(
      filePath: Files.wholePath(
        FileManager.default.temporaryDirectory.appending(path: "limen-link-\(UUID().uuidString)").path))
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw CommandFailure(.badInput, folder.path, "cannot be made: \(error.localizedDescription)")
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    try assemble(tools, reference, folder)
    try link(tools, reference, folder, "--strip-debug")
    let linked = folder.appending(path: Self.linked).path
    let bytes = try Files.read(linked, limit: 1 << 26)
    try check(bytes)
    try link(tools, reference, folder)
    let beside = source.lastIndex(of: "/").map { String(source[...$0]) } ?? ""
    return Linked(
      image: bytes, withLines: try? Files.read(linked, limit: 1 << 26),
      folders: [
        (reference.path("include") + "/", ""),
        (URL(filePath: Files.wholePath(source)).deletingLastPathComponent().path + "/", beside),
      ])
  }

  private static let object = "threshold.o"
  private static let linked = "kernel.elf"

  private func assemble(_ tools: Toolchain, _ reference: ReferenceFolder, _ folder: URL) throws(CommandFailure) {
    // A file with line tables of its own is not given others: clang calls that an error.
    if try assembled(tools, reference, folder, "-g").succeeded { return }
    let ended = try assembled(tools, reference, folder)
    guard !ended.succeeded else { return }
    throw CommandFailure(
      .badInput, source, "cannot be assembled; clang's message is above",
      details: ended.text.replacingOccurrences(of: Files.wholePath(source), with: source))
  }

  private func assembled(
    _ tools: Toolchain, _ reference: ReferenceFolder, _ folder: URL, _ options: String...
  ) throws(CommandFailure) -> Toolchain.Ended {
    let file = Files.wholePath(source)
    let beside = URL(filePath: file).deletingLastPathComponent().path
    return try Toolchain.run(
      tools.clang,
      ["--target=x86_64-unknown-none-elf"] + options + [
        "-fno-crash-diagnostics", "-nostdinc", "-I", beside, "-I", reference.path("include"), "-x",
        "assembler-with-cpp", "-c", file, "-o", folder.appending(path: Self.object).path,
      ], reading: [file, reference.path("include")] + Self.parts(beside), in: folder)
  }

  /// What a design may be made of: the headers and assembly files in the folder. A link leads to what it is no part of.
  private static func parts(_ folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().filter { name in [".h", ".S", ".s", ".inc"].contains { name.hasSuffix($0) } }
      .map { "\(folder)/\($0)" }
      .filter { path in
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      }
  }

  private func link(
    _ tools: Toolchain, _ reference: ReferenceFolder, _ folder: URL, _ options: String...
  ) throws(CommandFailure) {
    let parts = ["kernel.ld", "kernel.o"].map(reference.path)
    let ended = try Toolchain.run(
      tools.linker,
      [
        "-nostdlib", "-static", "-z", "max-page-size=4096", "--no-rosegment", "--gc-sections", "--build-id=none",
        "--error-limit=0", "--no-dependent-libraries",
        "-T", parts[0], "-o", folder.appending(path: Self.linked).path, parts[1],
        folder.appending(path: Self.object).path,
      ] + options, reading: parts, in: folder)
    guard !ended.succeeded else { return }
    throw CommandFailure(.badInput, source, "cannot be linked with the reference kernel", details: explain(ended.text))
  }

  /// Symbols that the kernel never asks for at link time are asked for here.
  private func check(_ bytes: [UInt8]) throws(CommandFailure) {
    let symbols: SymbolTable
    do { symbols = try KernelImage(bytes: bytes, name: source).symbols } catch {
      throw CommandFailure(.badInput, source, "links to no kernel: \(error)")
    }
    let missing = ThresholdSymbol.required.filter { symbols.symbol(named: $0.name) == nil }
    guard missing.isEmpty else {
      throw CommandFailure(
        .badInput, source, "cannot be linked with the reference kernel",
        details: missing.map { Self.line(missing: $0.name, purpose: $0.purpose, in: source) }.joined())
    }
    let flags = symbols.lookup("xen_callback_flags") ?? 0
    guard flags <= 1 else {
      throw CommandFailure(.badInput, source, "xen_callback_flags is 0x\(String(flags, radix: 16)), neither 0 nor 1")
    }
  }

  private static func line(missing name: String, purpose: String, in source: String) -> String {
    "\(source): the symbol \(name) is missing: \(purpose)\n"
  }

  // MARK: The linker's complaints

  /// LLD's errors are paragraphs of one line that starts with `ld.lld: error:` and of `>>>` lines that say where.
  private func explain(_ text: String) -> String {
    var lines: [String] = []
    for paragraph in Self.errors(text) {
      let (message, notes) = (paragraph[0], paragraph.dropFirst())
      if let name = Self.rest(of: message, behind: "undefined symbol: ") {
        if let purpose = ThresholdSymbol.purpose(of: name) {
          lines.append(Self.line(missing: name, purpose: purpose, in: source))
        } else if notes.contains(where: { $0.contains(Self.object) }) {
          lines.append("\(source): refers to \(name), which neither it nor the reference kernel defines\n")
        } else {
          lines.append("\(source): the symbol \(name) is missing, which the reference kernel refers to\n")
        }
      } else if let name = Self.rest(of: message, behind: "duplicate symbol: ") {
        let mine = notes.count { $0.contains(Self.object) } > 1
        lines.append(
          "\(source): defines \(name), which \(mine ? "it defines twice" : "the reference kernel defines already")\n")
      } else {
        lines.append("\(source): \(message.replacing(Self.folderPrefix, with: ""))\n")
      }
    }
    return lines.isEmpty ? text : lines.joined()
  }

  private static func errors(_ text: String) -> [[String]] {
    var paragraphs: [[String]] = []
    for line in text.split(separator: "\n").map(String.init) {
      if let message = rest(of: line, behind: "ld.lld: error: ") {
        paragraphs.append([message])
      } else if !paragraphs.isEmpty {
        paragraphs[paragraphs.count - 1].append(line)
      }
    }
    return paragraphs
  }

  /// Where the object lay is nobody's business: it is gone.
  private static var folderPrefix: Regex<Substring> { try! Regex("/[^ :]*/limen-link-[0-9A-Fa-f-]*/") }

  private static func rest(of text: String, behind prefix: String) -> String? {
    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
  }
}
