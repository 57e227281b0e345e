import ArgumentParser
import Findings
import Foundation
import KernelImage
import Subjects

/// `limen doctor`: what is there, what is missing, and what that costs.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what Limen finds on this machine, what is missing, and what that costs.",
    discussion: """
      The exit status is 0 where every verb can do its work, and 2 where one cannot.

      EXAMPLE
        limen doctor
      """)

  /// One thing that a verb needs.
  private struct Need {
    var name: String
    /// What was found, or why nothing was.
    var answer: Result<String, CommandFailure>
    var without: String
  }

  func run() throws {
    var lines = [VersionLine.text, ""]
    let needs = [probe, reference, toolchain, shell, cache]
    let width = needs.map(\.name.count).max() ?? 0
    var isWhole = true
    for need in needs {
      let name = need.name + String(repeating: " ", count: width - need.name.count)
      switch need.answer {
      case .success(let text): lines.append("  \(name)  ok       \(printable(text, limit: 4096))")
      case .failure(let failure):
        isWhole = false
        lines.append("  \(name)  missing  \(failure)")
        lines.append("  \(String(repeating: " ", count: width))           without it: \(need.without)")
      }
    }
    let processors = ProcessInfo.processInfo.activeProcessorCount
    let memory = ProcessInfo.processInfo.physicalMemory >> 20
    lines.append("")
    lines.append("\(processors) \(processors == 1 ? "processor" : "processors"), \(memory) MiB of memory")
    try StandardOutput.write(lines.map { $0 + "\n" }.joined())
    throw Outcome(status: isWhole ? .allHeld : .badInput)
  }

  private func found(_ body: () throws(CommandFailure) -> String) -> Result<String, CommandFailure> {
    do { return .success(try body()) } catch { return .failure(error) }
  }

  private var probe: Need {
    let answer = found { () throws(CommandFailure) in
      let image = try ProbeFile.load()
      return "\(image.crossings.count) crossings, \(image.postures.count) postures"
    }
    return Need(name: "probe", answer: answer, without: "no verb but boot, explain, list, compare and cache")
  }

  private var reference: Need {
    let answer = found { () throws(CommandFailure) in
      let folder = try ReferenceFolder.find()
      return "\(folder.url.path): \(try folder.designs().count) designs, \(try folder.specimens().count) specimens"
    }
    return Need(name: "reference kernel", answer: answer, without: "no designs, no specimens, no thread, no .S file")
  }

  private var toolchain: Need {
    let answer = found { () throws(CommandFailure) in
      let tools = try Toolchain.find()
      return "\(tools.clang), \(tools.linker)"
    }
    return Need(name: "clang and LLD", answer: answer, without: "no .S file can be checked")
  }

  private var shell: Need {
    let busybox = "/bin/busybox"
    let answer: Result<String, CommandFailure> =
      FileManager.default.isExecutableFile(atPath: busybox)
      ? .success(busybox) : .failure(CommandFailure(.badInput, busybox, "not there; apt install busybox-static"))
    return Need(name: "busybox", answer: answer, without: "boot finds no shell unless --initrd names a ramdisk")
  }

  private var cache: Need {
    let answer = found { () throws(CommandFailure) in
      guard let folder = BootSnapshot.standardCache?.deletingLastPathComponent() else {
        throw CommandFailure(.badInput, "cache", "none of LIMEN_CACHE, XDG_CACHE_HOME and HOME is set")
      }
      if let reason = Files.obstacle(toWritingInto: folder.path) {
        throw CommandFailure(.badInput, folder.path, reason)
      }
      return folder.path
    }
    return Need(name: "cache", answer: answer, without: "every check boots its kernels anew")
  }
}
