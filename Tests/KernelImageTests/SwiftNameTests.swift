/// Goal: Swift's functions are named as people write them. Oracles: the mangling's specification (Swift docs/ABI/Mangling.rst), and what
/// the compiler's own demangler says of the reference kernel's functions.
import Foundation
import KernelImage
import Testing

@Suite struct SwiftNameTests {
  @Test(arguments: [
    ("$e4main4TaskO8scheduleyyFZ", "Task.schedule"),
    ("$e4main12AddressSpaceO3map___6isLiveySpySo4taskVG_S2uSbtFZ", "AddressSpace.map"),
    // A private function, with its file's digest.
    ("$e4main6MemoryO4find33_1024FF33D5A8FE64E8EA33B401C0646ALLSuyFZ", "Memory.find"),
    ("$s4main10kernelMain5onXen9startInfoySu_SutF", "kernelMain"),
    // Words of earlier names: the second of `addressSpace`, with letters behind it, and nothing behind a last one.
    ("$s4main12addressSpaceO8theSpaceyyF", "addressSpace.theSpace"),
    ("$s4main12AddressSpaceO04makeC0yyF", "AddressSpace.makeSpace"),
    // Closures, accessors, initialisers, specialisations.
    ("$s4main3FooV3baryyFyycfU_", "Foo.bar.closure"), ("$s4main3FooV5countSivg", "Foo.count"),
    ("$s4main3FooV1xACSi_tcfC", "Foo.init"), ("$s4main3FooVACycfC", "Foo.init"),
    ("$s4main3FooV3baryyFTf4n_n", "Foo.bar"),
  ])
  func isReadable(symbol: String, name: String) { #expect(SwiftName.readable(symbol) == name) }

  @Test(arguments: [
    "", "$", "$s", "$e4", "$e4main", "$e99999999999999999999main", "$e4main4TaskO", "$e004main3fooyyF",
    "$e4main0Z3fooyyF",
    "entry_SYSCALL_64", "$sSS3fooyyF", "$e4main3FooVWOh",
  ])
  func anythingElseIsNot(symbol: String) { #expect(SwiftName.readable(symbol) == nil) }

  /// swift-demangle's name without types, labels and what the optimiser did.
  @Test func theDemanglerAgrees() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
    let image = try KernelImage(contentsOf: root.appending(path: ".build-reference/designs/complete.elf").path)
    let mangled = image.symbols.symbols.map(\.name).filter { $0.hasPrefix("$e") && SwiftName.readable($0) != nil }
    #expect(mangled.count > 50)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["swift-demangle", "--compact", "--simplified"] + mangled
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let lines = said.split(separator: "\n").map(String.init)
    #expect(lines.count == mangled.count)
    for (symbol, line) in zip(mangled, lines) {
      let words = line.replacingOccurrences(of: "specialized ", with: "")
        .replacingOccurrences(of: "merged ", with: "").replacingOccurrences(of: "static ", with: "")
      let name = String(words.prefix { $0 != "(" && $0 != ":" && $0 != " " })
        .replacingOccurrences(of: ".getter", with: "")
      #expect(SwiftName.readable(symbol) == name, "\(symbol): \(line)")
    }
  }
}
