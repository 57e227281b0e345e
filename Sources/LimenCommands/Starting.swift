import Explorer
import Findings
import KernelImage
import Machine

/// From options to a computer at its kernel's first instruction, with the errors that a user can act on.
enum Starting {
  static func profile(_ name: ProfileName) -> Profile {
    switch name {
    case .intel: .intel
    case .amd: .amd
    }
  }

  static func computer(_ options: MachineOptions, _ kernel: NamedKernel, on one: OneMachine, initrd: [UInt8])
    throws(CommandFailure)
    -> any PlatformComputer
  {
    try Catalogue.require(one.platform)
    let line = [one.platform.commandLine, options.append].filter { !$0.isEmpty }.joined(separator: " ")
    let guest = Guest(kernel: kernel.image, initrd: initrd, commandLine: line, memory: options.memory)
    do {
      return try guest.computer(on: one.platform, profile: Self.profile(one.profile))
    } catch let refusal as Guest.Refusal {
      throw CommandFailure(.unsupported, nil, "\(refusal)")
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
      throw CommandFailure(.unsupported, nil, "\(refusal)")
    } catch let refusal as ProbeImage.Refusal {
      throw CommandFailure(.badInput, nil, "\(refusal)")
    }
  }

  /// Where the processor stands, for a message; before the kernel turns paging on, by what is linked there.
  static func place(_ computer: any PlatformComputer, _ kernel: KernelImage) -> String {
    let rip = computer.processor.rip
    let named = kernel.symbols.symbolize(rip) ?? kernel.virtualAddress(physical: rip).flatMap(kernel.symbols.symbolize)
    let place = named.map { "\($0), " } ?? ""
    return "\(place)RIP 0x\(String(rip, radix: 16)) after \(computer.processor.retired) instructions"
  }
}
