namespace Backprop.Tests.Mpis;

/// <summary>The path of a file that is not there yet, and is not there afterwards.</summary>
public sealed class TemporaryFile : IDisposable
{
    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");

    public void Dispose() => File.Delete(Path);
}
