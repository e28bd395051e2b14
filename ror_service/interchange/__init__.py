"""Results in the form that other systems read: FHIR R4 bundles by HL7's Genomics Reporting guide."""
