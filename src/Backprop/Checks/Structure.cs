namespace Backprop.Checks;

/// <summary>Counts how often any network has changed its make-up, so that what is derived from one (declared shapes, lists of parameters) can be kept until then.</summary>
internal static class Structure
{
    private static int _version = 1;

    internal static int Version => Volatile.Read(ref _version);

    internal static void Changed() => Interlocked.Increment(ref _version);
}
