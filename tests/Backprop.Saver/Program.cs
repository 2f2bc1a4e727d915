using Backprop;

// Saves the same file again and again, each time with other content, until it is killed: AtomicFileTests do so.
// Prints the version of each file that is safe. Begins where the file left off, so it also reads what a killed process left.
// If a file cannot be saved, says why and stops.
string path = args[0];
var version = new long[1];
if (File.Exists(path))
{
    using var file = SafeTensorsReader.Open(path);
    file.Read("version", version);
}

while (true)
{
    version[0]++;
    var values = new double[1000 + version[0] * 7919 % 50_000];
    Array.Fill(values, version[0]);
    var file = new SafeTensorsWriter();
    file.Add("version", [], version);
    file.Add("values", [values.Length], values);
    try
    {
        file.Save(path);
    }
    catch (IOException e)
    {
        Console.WriteLine(e.Message);
        return 1;
    }
    Console.WriteLine(version[0]);
}
