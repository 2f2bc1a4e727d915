using System.Runtime.InteropServices;

namespace Backprop;

/// <summary>What .NET does not do: variables that native libraries see, and an end at once.</summary>
internal static partial class Machine
{
    /// <summary>Keeps UCX, which some MPIs load, from taking the signals by which .NET notices a null reference: the first one would end the process.</summary>
    internal static void KeepSignals()
    {
        if (OperatingSystem.IsLinux()) _ = SetVariable("UCX_ERROR_SIGNALS", "", 0);
    }

    /// <summary>Ends the process, without asking threads or handlers.</summary>
    internal static void End(int code)
    {
        if (OperatingSystem.IsWindows()) System.Diagnostics.Process.GetCurrentProcess().Kill();
        else Exit(code);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
