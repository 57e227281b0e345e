import Explorer
import Findings
import KernelImage
import Machine
import Platform
import Subjects

/// From options to a computer at its kernel's first instruction, with the errors that a user can act on.
enum Starting {
  /// - Parameter exactLine: the whole command line, where the user gave it.
  static func computer(
    _ options: MachineOptions, _ kernel: NamedKernel, on one: OneMachine, initrd: [UInt8],
    modules: [Guest.Module] = [], exactLine: String? = nil
  ) throws(CommandFailure) -> any PlatformComputer {
    try Catalogue.require(one.platform)
    let line =
      exactLine
      ?? [firstWords(kernel, on: one.platform), options.append].filter { !$0.isEmpty }.joined(separator: " ")
    var guest = Guest(
      kernel: kernel.image, initrd: initrd, modules: modules, commandLine: line, memory: options.memory)
    guest.hypervisor = try options.guest.below()?.below
    do {
      return try guest.computer(on: one.platform, profile: one.profile.processor)
    } catch let refusal as Guest.Refusal {
      throw CommandFailure(refusal.exitStatus, nil, "\(refusal)")
    } catch let error as ImageError {
      throw CommandFailure(error.kind == .unsupported ? .unsupported : .badInput, nil, "\(error)")
    } catch {
      throw CommandFailure(.badInput, options.kernel, "\(error)")
    }
  }

  /// Does what explores, and says what kept it from starting as a user can act on it.
  static func exploring<Answer>(_ body: () throws -> Answer) throws -> Answer {
    do { return try body() } catch let refusal as TraceRefusal {
      throw CommandFailure(ExitStatus(refusal.verdict), nil, "\(refusal)")
    } catch let refusal as BootSnapshot.Refusal {
      let status: ExitStatus =
        switch refusal {
        case .died: .badInput
        case .unsupported: .unsupported
        case .tooLong: .inconclusive
        }
      throw CommandFailure(status, nil, "\(refusal)")
    } catch let refusal as Guest.Refusal {
      throw CommandFailure(refusal.exitStatus, nil, "\(refusal)")
    } catch let error as ImageError {
      throw CommandFailure(error.kind == .unsupported ? .unsupported : .badInput, nil, "\(error)")
    } catch let refusal as ProbeImage.Refusal {
      throw CommandFailure(.badInput, nil, "\(refusal)")
    }
  }

  /// What a kernel is told besides what the user adds. A multiboot kernel is no Linux, and its line begins with the image's
  /// name, as loaders have always had it (Multiboot Specification version 0.6.96, "Boot information format").
  private static func firstWords(_ kernel: NamedKernel, on platform: PlatformName) -> String {
    platform == .bareMetal && kernel.image.bootProtocol == .multiboot ? kernel.fileName : platform.commandLine
  }

  /// Where the processor stands, for a message; before the kernel turns paging on, by what is linked there.
  static func place(_ computer: any PlatformComputer, _ kernel: KernelImage) -> String {
    let rip = computer.processor.rip
    let named = kernel.symbols.symbolize(rip) ?? kernel.virtualAddress(physical: rip).flatMap(kernel.symbols.symbolize)
    let place = named.map { "\($0), " } ?? ""
    return "\(place)RIP 0x\(String(rip, radix: 16)) after \(computer.processor.retired) instructions"
  }
}
